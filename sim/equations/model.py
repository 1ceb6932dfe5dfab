"""An equation of the numerics, and what it reads beside its fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.case import Source
from solvers.equations import Equation
from solvers.operators import Mean
from solvers.terms import Given, Term


@dataclass(frozen=True)
class Coefficient:
    """A coefficient's values: a number becomes a scalar unless `as_block`, all else a block; none is below `least`.

    is_worked_in: whether other coefficients, or exponents, have been made of it, so that it can't change alone.
    goes_on: beyond walls from its last two cells, for it is wanted at the wall, or its slope is; else it is there what
    it is on this side.  same_as: the coefficient that has its values, where that is needed both ways.
    """

    source: Source
    as_block: bool = False
    least: float = float("-inf")
    is_worked_in: bool = False
    goes_on: bool = False
    same_as: str | None = None

    @property
    def is_scalar(self) -> bool:
        return isinstance(self.source, float) and not self.as_block


@dataclass(frozen=True)
class Model:
    """What a case's [equation] is.

    conductivities: k of the flux k ∂u/∂n through the walls of an axis, where that is another than the coefficient
    `alpha`; mean: of it at the faces between cells.  turning: by a wall's axis and one along it, the coefficient by
    which slopes along the wall take part in the flux.
    """

    equation: Equation
    coefficients: Mapping[str, Coefficient] = field(default_factory=dict)
    conductivities: Mapping[int, Term] = field(default_factory=dict)
    mean: Mean = "arithmetic"
    turning: Mapping[int, Mapping[int, str]] = field(default_factory=dict)

    def conductivity(self, axis: int) -> Term:
        return self.conductivities.get(axis, Given("alpha"))
