"""Part of the grid: every so-many-th cell of a box, as HDF5 has it.  Pure integers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.topology import Box, axis_names
from solvers.grid import Grid


@dataclass(frozen=True)
class Hyperslab:
    """The cells kept of each axis, by their global numbers, as a range with a step.

        cells of the grid    0 1 2 3 4 5 6 7 8 9       range(2, 9, 3)
        kept                     ●     ●     ●         0, 1, 2 in the file

    An axis that is cut at one cell stays, one cell long, so that the coordinates say where.
    """

    cells: tuple[range, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(cells) for cells in self.cells)

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    def part(self, box: Box) -> tuple[Box, tuple[slice, ...]]:
        """What a block that owns `box` has of it: its place among the kept cells, and which of the block's own cells.

        Both may be empty.
        """
        places, owned = [], []
        for cells, mine in zip(self.cells, box, strict=True):
            first, last = (_at_or_after(bound, cells) for bound in (mine.start, mine.stop))
            start = cells.start + first * cells.step - mine.start
            places.append(slice(first, last))
            owned.append(slice(start, start + (last - first) * cells.step, cells.step) if last > first else slice(0, 0))
        return tuple(places), tuple(owned)


def _at_or_after(cell: int, cells: range) -> int:
    """How many of the kept cells lie before a cell."""
    return min(max(-((cells.start - cell) // cells.step), 0), len(cells))


def hyperslab_of(
    grid: Grid,
    stride: Mapping[Any, int],
    box: Mapping[Any, Sequence[float]],
    at: Mapping[Any, float],
    index: Mapping[Any, int],
) -> Hyperslab:
    """The part of a grid that a table of the case asks for, axis by axis.

    `box` keeps the cells whose centres lie in [lower, upper], `at` the one that contains a coordinate, `index` the
    one with that number; `stride` keeps every so-many-th of those.  Raises ValueError where an axis isn't the
    grid's, is cut twice, or keeps no cell.
    """
    names = axis_names(grid.ndim)
    if strangers := sorted({*stride, *box, *at, *index} - set(names)):
        raise ValueError(f"cuts an axis {strangers[0]}; the grid has {', '.join(names)}")
    found = []
    for axis, name in enumerate(names):
        if sum(name in table for table in (box, at, index)) > 1:
            raise ValueError(f"cuts the axis {name} twice; give one of box, at and index")
        start, stop = _limits(grid, axis, box.get(name), at.get(name), index.get(name))
        if not 0 <= start < stop <= grid.shape[axis]:
            low, high = grid.lower[axis], grid.upper[axis]
            raise ValueError(f"keeps no cell along {name}, which has {grid.shape[axis]} in [{low:g}, {high:g}]")
        found.append(range(start, stop, stride.get(name, 1)))
    return Hyperslab(tuple(found))


def _limits(grid: Grid, axis: int, box: Sequence[float] | None, at: float | None, index: int | None) -> tuple[int, int]:
    cells, low, high = grid.shape[axis], grid.lower[axis], grid.upper[axis]

    def number(coordinate: float) -> float:
        """Where a coordinate lies, in cells from the lower edge; far outside is just outside."""
        return min(max((coordinate - low) / grid.spacing[axis], -1.0), cells + 1.0)

    if box is not None:
        return max(math.ceil(number(box[0]) - 0.5), 0), min(math.floor(number(box[1]) - 0.5) + 1, cells)
    if at is not None:
        index = -1 if not low <= at <= high else min(math.floor(number(at)), cells - 1)
    return (0, cells) if index is None else (index, index + 1)
