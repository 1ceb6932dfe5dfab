"""The process grid: pure integers, no process in sight."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sim.errors import SimError

Box: TypeAlias = tuple[slice, ...]
"""Global index range of a block: one slice an axis, start and stop always given."""

AXIS_NAMES = ("z", "y", "x")


def axis_names(ndim: int) -> tuple[str, ...]:
    """Names of the axes in array order: x is always the last, the fastest."""
    return AXIS_NAMES[-ndim:]


def split(cells: int, parts: int, index: int, unit: int = 1) -> tuple[int, int]:
    """Start and stop of part `index` of `cells` cells cut into `parts` at multiples of `unit`.

    Sizes differ by at most one unit; only the last part may be no multiple of it.
    """
    size, larger = divmod(-(-cells // unit), parts)
    start = index * size + min(index, larger)
    stop = start + size + (index < larger)
    return min(start * unit, cells), min(stop * unit, cells)


@dataclass(frozen=True)
class Topology:
    """A grid of `shape` cells cut into a grid of `blocks` blocks, numbered like a C array.

    Every axis is a ring: the last block's upper neighbour is the first.  Cuts lie at multiples of `unit` cells, so
    that with a power of two blocks stay whole when cells are merged in pairs, again and again (multigrid).
    """

    shape: tuple[int, ...]
    blocks: tuple[int, ...]
    unit: int = 1

    @property
    def count(self) -> int:
        return math.prod(self.blocks)

    @property
    def largest(self) -> tuple[int, ...]:
        """The shape of the largest block."""
        return box_shape(self.box(0))

    @property
    def smallest(self) -> tuple[int, ...]:
        """The shape of the smallest block."""
        return box_shape(self.box(self.count - 1))

    def coordinates(self, rank: int) -> tuple[int, ...]:
        coords = []
        for parts in reversed(self.blocks):
            rank, c = divmod(rank, parts)
            coords.append(c)
        return tuple(reversed(coords))

    def rank(self, coordinates: Sequence[int]) -> int:
        """Rank of the block at these coordinates, taken around the rings."""
        rank = 0
        for c, parts in zip(coordinates, self.blocks, strict=True):
            rank = rank * parts + c % parts
        return rank

    def neighbour(self, rank: int, axis: int, step: int) -> int:
        coords = list(self.coordinates(rank))
        coords[axis] += step
        return self.rank(coords)

    def box(self, rank: int) -> Box:
        """The global cells of a block."""
        bounds = zip(self.shape, self.blocks, self.coordinates(rank), strict=True)
        return tuple(slice(*split(n, parts, c, self.unit)) for n, parts, c in bounds)


@dataclass(frozen=True)
class Ghosts:
    """Layers of ghost cells: `shared` along axes that several blocks share, which must last from exchange to exchange.

    own: of each axis the layers where a block has it for itself; as many unless told.
    """

    shared: int
    own: tuple[int, ...] = ()

    def margins(self, topology: Topology) -> tuple[int, ...]:
        """Layers on both sides of a block, by axis."""
        own = self.own or (self.shared,) * len(topology.shape)
        return tuple(self.shared if parts > 1 else alone for parts, alone in zip(topology.blocks, own, strict=True))


def box_shape(box: Box) -> tuple[int, ...]:
    return tuple(s.stop - s.start for s in box)


def process_grids(count: int, ndim: int) -> Iterator[tuple[int, ...]]:
    """All ways to write `count` as a product of `ndim` factors, in order."""
    if ndim == 1:
        yield (count,)
        return
    for first in range(1, count + 1):
        if count % first == 0:
            for rest in process_grids(count // first, ndim - 1):
                yield (first, *rest)


def halo_cells(shape: Sequence[int], blocks: Sequence[int]) -> int:
    """Cells on the cut surfaces: what one exchange of depth 1 moves, summed over all blocks."""
    return sum(parts * math.prod(shape) // shape[axis] for axis, parts in enumerate(blocks) if parts > 1)


def choose_topology(
    shape: Sequence[int],
    count: int,
    ghosts: int,
    wanted: Sequence[int] | None = None,
    unit: int = 1,
) -> Topology:
    """The process grid with the least cut surface (ties: fewest cuts along the fastest axes), or the wanted one.

    Cut at multiples of `unit` cells.  Every block must keep at least `ghosts` cells along each axis.
    Raises SimError naming what does not fit.
    """
    shape = tuple(shape)
    if wanted is not None:
        topology = Topology(shape, tuple(wanted), unit)
        _check(topology, count, ghosts)
        return topology
    fitting = [
        t
        for t in (Topology(shape, blocks, unit) for blocks in process_grids(count, len(shape)))
        if min(t.smallest) >= max(1, ghosts)
    ]
    if not fitting:
        cells = " × ".join(map(str, shape))
        shallower = ", a smaller parallel.ghost_depth" if ghosts > 1 else ""
        raise SimError(
            f"a grid of {cells} cells can't be cut into {count} blocks with at least {ghosts} "
            f"cells along each axis, as many as ghosts; use fewer ranks or devices{shallower}, or a finer grid"
        )
    return min(fitting, key=lambda t: (halo_cells(shape, t.blocks), tuple(reversed(t.blocks))))


def _check(topology: Topology, count: int, ghosts: int) -> None:
    names = axis_names(len(topology.shape))
    given = ", ".join(f"{name}={n}" for name, n in zip(names, topology.blocks, strict=True))
    if topology.count != count:
        raise SimError(
            f"the process grid {given} has {topology.count} blocks, but there are {count} ranks or devices; "
            f"give factors whose product is {count}"
        )
    for name, n, parts, least in zip(names, topology.shape, topology.blocks, topology.smallest, strict=True):
        if least < 1:
            raise SimError(
                f"the process grid {given} leaves blocks without cells along {name}: {parts} blocks of {n} cells; "
                f"use fewer blocks along {name}, or a finer grid"
            )
        if least < ghosts:
            raise SimError(
                f"the process grid {given} leaves blocks of {least} cells along {name} ({n} cells in all), "
                f"fewer than the ghost depth {ghosts}; use fewer blocks along {name}"
            )
