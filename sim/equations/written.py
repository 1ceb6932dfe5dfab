"""Formulas of a case as an equation."""

from __future__ import annotations

from sim.case.equation import WrittenTable
from sim.equations.model import Coefficient, Model
from sim.equations.translation import Discretisation, Translator
from solvers.equations import Written


def written(table: WrittenTable, axes: tuple[str, ...], discretisation: Discretisation) -> Model:
    trees = {name: table.right_side(name, axes).tree for name in table.fields}
    translator = Translator(axes, table.parameters, discretisation)
    equation = Written({name: translator.term(tree) for name, tree in trees.items()}, discretisation.mean)
    # All parameters, for walls to find alpha among them.
    sources = {**table.coefficients, **table.parameters, **translator.sources}
    return Model(
        equation,
        {name: Coefficient(source, is_worked_in=name in translator.worked_in) for name, source in sources.items()},
    )
