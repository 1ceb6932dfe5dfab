"""The right-hand side of ∂u/∂t = …, as text."""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.expression.differential import OPERATORS, DifferentialReader, has_operator
from sim.expression.formula import check_variables
from sim.expression.tree import Node, names_in


@dataclass(frozen=True)
class RightSide:
    """A validated formula in the fields, what is given beside them, the coordinates and t, with its derivatives.

    fields, given: names.  axes: those of the grid, in array order.
    Raises FormulaError for a text outside the whitelist, ValueError for unusable names.
    """

    text: str
    fields: tuple[str, ...]
    given: tuple[str, ...]
    axes: tuple[str, ...]
    tree: Node = field(init=False, repr=False, compare=False)
    names: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        variables = (*self.fields, *self.given, *self.axes, "t")
        check_variables(variables)
        for name in variables:
            if name in (*OPERATORS, "grad"):
                raise ValueError(f"{name!r} is an operator of right-hand sides; choose another name")
        object.__setattr__(self, "tree", DifferentialReader(self.text, variables, self.axes).formula())
        object.__setattr__(self, "names", names_in(self.tree))

    @property
    def differentiates(self) -> bool:
        return has_operator(self.tree)
