"""Formulas of a case as an equation."""

from __future__ import annotations

from sim.case.equation import WrittenTable
from sim.equations.model import Coefficient, Model
from sim.equations.translation import Discretisation, Translator
from solvers.equations import Written


def written(table: WrittenTable, axes: tuple[str, ...], discretisation: Discretisation) -> Model:
    trees = {name: table.right_side(name, axes).tree for name in table.fields}
    varying = [name for name, source in table.coefficients.items() if not isinstance(source, float)]
    translator = Translator(axes, table.parameters, discretisation, varying)
    equation = Written({name: translator.term(tree) for name, tree in trees.items()}, discretisation.mean)
    # All parameters, for walls to find alpha among them.
    sources = {**table.coefficients, **table.parameters, **translator.sources}
    given = {name: Coefficient(source, is_worked_in=name in translator.worked_in) for name, source in sources.items()}
    given |= {name: Coefficient(sources[of], goes_on=True, same_as=of) for name, of in translator.going_on.items()}
    return Model(equation, given)
