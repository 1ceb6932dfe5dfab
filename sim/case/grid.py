"""[grid]: the axes."""

from __future__ import annotations

import math

from pydantic import Field, model_validator

from sim.case.table import Finite, Table

# Roundings of coordinates to a cell, at least: its centre lies within a 32nd of it then.
_TOLD_APART = 16


class AxisTable(Table):
    cells: int = Field(ge=1, le=2**31 - 1, description="number of cells")
    lower: Finite = Field(0.0, description="coordinate of the lower edge")
    upper: Finite = Field(1.0, description="coordinate of the upper edge")

    @model_validator(mode="after")
    def _ordered(self) -> AxisTable:
        if not self.upper > self.lower:
            raise ValueError(f"upper must lie above lower; got [{self.lower}, {self.upper}]")
        # Its square and its inverse must be numbers too.
        if not 1e-100 < self.spacing < 1e100:
            raise ValueError(f"cells must be between 1e-100 and 1e100 wide; got [{self.lower}, {self.upper}]")
        rounding = math.ulp(max(abs(self.lower), abs(self.upper)))
        if self.spacing < _TOLD_APART * rounding:
            raise ValueError(
                f"cells {self.spacing:.3g} wide are too small for coordinates like {self.upper:g}, which float64 knows "
                f"to {rounding:.2g}; count from an origin nearby, such as lower = 0"
            )
        return self

    @property
    def spacing(self) -> float:
        return self.upper / self.cells - self.lower / self.cells

    def distance(self, x: float) -> float:
        """From x to the centre of the cell that is nearest."""
        h = self.spacing
        number = round((min(max(x, self.lower), self.upper) - self.lower) / h - 0.5)
        return abs(x - (self.lower + (min(max(number, 0), self.cells - 1) + 0.5) * h))


class GridTable(Table):
    x: AxisTable
    y: AxisTable | None = None
    z: AxisTable | None = None

    @model_validator(mode="after")
    def _no_gap(self) -> GridTable:
        if self.z is not None and self.y is None:
            raise ValueError("an axis z needs an axis y")
        return self

    @property
    def axes(self) -> tuple[AxisTable, ...]:
        """In array order, x last."""
        return tuple(axis for axis in (self.z, self.y, self.x) if axis is not None)
