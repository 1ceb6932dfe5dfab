"""What every [equation] says."""

from __future__ import annotations

from collections.abc import Mapping

from sim.case.source import FileSource, Source
from sim.case.table import Table
from sim.expression import RightSide
from sim.expression.differential import AXES


class StatedEquation(Table):
    """An equation as a case states it."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that evolve."""
        return ("u",)

    @property
    def given(self) -> Mapping[str, Source]:
        """Those formulas of the place, and files, that the equation reads beside its fields, by key."""
        return {}

    @property
    def wall_conductivity(self) -> Source:
        """k of the flux k ∂u/∂n through walls; 0 where none is defined."""
        return 0.0

    @property
    def why_no_wall_conductivity(self) -> str:
        """Why there is none, where `wall_conductivity` is 0, and what would have one."""
        return "this equation has none; take one of heat, conduction, anisotropic and advection-diffusion"

    @property
    def turns(self) -> bool:
        """Whether slopes along a wall drive something through it."""
        return False

    def conserves(self, ring: bool) -> bool:
        """Whether walls and a `source` of the place alone explain all change of u's integral; `ring`: without walls."""
        return False

    def check(self, axes: tuple[str, ...]) -> None:
        """Raise ValueError, naming the key, for what makes no sense on a grid of these axes (in array order)."""


def files(**sources: Source) -> dict[str, Source]:
    """Those that are files; formulas are left to their equation, which knows what they may depend on."""
    return {key: source for key, source in sources.items() if isinstance(source, FileSource)}


def depends_on_more(source: Source) -> bool:
    """Whether a valid formula depends on more than the place: on u, t or derivatives."""
    if not isinstance(source, str):
        return False
    right_side = RightSide(source, ("u",), (), AXES)
    return bool(right_side.names & {"u", "t"}) or right_side.differentiates


def differentiates(source: Source) -> bool:
    """Whether a valid formula has derivatives in it."""
    return isinstance(source, str) and RightSide(source, ("u",), (), AXES).differentiates


def check_right_side(key: str, source: object, axes: tuple[str, ...]) -> None:
    """A formula that may depend on u and t too."""
    if isinstance(source, str):
        try:
            RightSide(source, ("u",), (), axes)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
