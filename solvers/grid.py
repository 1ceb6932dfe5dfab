"""The grid: a cell-centred Cartesian box."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Grid:
    """A box [lower, upper] cut into `shape` equal cells; values live at the cells' centres.

    Axes are in array order, the slowest first: (z, y, x), (y, x) or (x).  Lengths carry the unit of the
    case; nothing here converts them.

        lower                              upper
          |--o--|--o--|--o--| ... |--o--|--o--|        o = lower + (i + 1/2) h,  i = 0 … n-1

    Along a periodic axis (none, unless told) the cells beyond an edge are those at the other one.
    Raises ValueError where the shape, or the order of the bounds, makes no sense.
    """

    shape: tuple[int, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    periodic: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.shape) <= 3 or not len(self.shape) == len(self.lower) == len(self.upper):
            raise ValueError(f"a grid has 1 to 3 axes, each with cells and two bounds; got {self}")
        if not self.periodic:
            object.__setattr__(self, "periodic", (False,) * len(self.shape))
        for cells, low, high in zip(self.shape, self.lower, self.upper, strict=True):
            if cells < 1 or not high > low or not math.isfinite(high - low):
                raise ValueError(f"an axis needs cells ≥ 1 and lower < upper; got {cells} in [{low}, {high}]")

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def cells(self) -> int:
        return math.prod(self.shape)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Cell widths h, one an axis."""
        return tuple((high - low) / n for n, low, high in zip(self.shape, self.lower, self.upper, strict=True))

    @property
    def cell_volume(self) -> float:
        return math.prod(self.spacing)

    def centres(self, axis: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Coordinates of the cells start … stop-1 along an axis, float64[stop - start].

        Computed from the global index alone, so that each rank gets the bits that one rank would get.
        """
        index = np.arange(start, self.shape[axis] if stop is None else stop, dtype=np.float64)
        return self.lower[axis] + (index + 0.5) * self.spacing[axis]
