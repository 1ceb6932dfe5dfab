"""[probes]: time series of numbers, taken while the fields evolve."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.case.region import Placed, Point
from sim.case.table import Table
from sim.case.words import Name


class PointProbe(Table):
    """The value in the cell that holds a point."""

    field: str = "u"
    at: Point


class RegionProbe(Placed):
    """A number of a part of space."""

    measure: Literal["integral", "mean", "min", "max"] = Field("mean", description="∫u dV, mean, min or max")


class SideProbe(Table):
    """A number of a side of the grid."""

    field: str = "u"
    side: Literal["x.lower", "x.upper", "y.lower", "y.upper", "z.lower", "z.upper"]
    measure: Literal["flux", "mean"] = Field("flux", description="∫k ∂u/∂n dA, what flows in, or the mean of u")


class ProbesTable(Table):
    every: int = Field(10, ge=1, le=1_000_000, description="steps between two records; a steady state is one always")
    points: dict[Name, PointProbe] = Field({}, description="values at points, by name")
    regions: dict[Name, RegionProbe] = Field({}, description="integrals, means, extremes over regions, by name")
    sides: dict[Name, SideProbe] = Field({}, description="flows through sides and means over them, by name")

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the order of the record's columns."""
        return (*self.points, *self.regions, *self.sides)
