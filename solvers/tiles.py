"""Many steps in one pass over memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import Count
from solvers.native_loop import native_loop
from solvers.once import once
from solvers.strips import Strips
from solvers.window import Span, Window

_FEWEST_CELLS = 64
# Times what a tile sees: an axis of so many cells has tiles inside that are worth a program of their own.
_LONG = 2

State = TypeVar("State")

Advance: TypeAlias = Callable[[State, Window, jax.Array, int], State]
"""(state, window, stage from 0 on, its parity) → the state with that stage taken in that window."""

Enter: TypeAlias = Callable[[State, Sequence[Count]], Advance[State]]
"""(state, tile, by its number along each axis) → how that tile is advanced."""


class Needed(NamedTuple):
    """The cells along an axis that the first stage must write: `extent` of them from the array's index `first` on.

    On some blocks they are more than on others.  Each later stage needs `lower` and `upper` fewer at either end.
    """

    first: Count
    extent: Count
    lower: Count = 0
    upper: Count = 0


@dataclass(frozen=True)
class Tiles:
    """The cells that stages must write, in tiles of `sizes`; 0: an axis is not cut.

    A stage later, a tile has moved `width` cells towards lower indices.  Along the last axis, if that is cut, it stays
    in one of the `strips`.  `in_layers`: whether what is left of a tile at an end may be taken layer by layer.
    `many`: whether a good part of them are inside the block.
    """

    needed: tuple[Needed, ...]
    sizes: tuple[int, ...]
    width: int
    strips: Strips | None = None
    in_layers: bool = False
    many: bool = False

    @classmethod
    def fit(
        cls,
        needed: Sequence[Needed],
        fewest: Sequence[int],
        wanted: Sequence[int],
        width: int,
        stages: int,
        strips: Strips | None = None,
    ) -> Tiles:
        """Tiles of about the wanted sizes of the first axes; of those without any, an axis is not cut.

        `fewest`: how many cells there are on any block, along an axis in `strips` in each of them.  As few tiles as it
        takes are alike, and not the last one half empty, for that costs what others do.  Very few cells are compiled
        to code of their own, whose bits may differ; so a tile has some.
        """
        sizes = [*wanted, *[0] * (len(fewest) - len(wanted))]
        for axis, (size, least) in enumerate(zip(sizes, fewest, strict=True)):
            across = math.prod(s or n for s, n in zip(sizes, fewest, strict=True)) // (size or least)
            smallest = -(-_FEWEST_CELLS // across)
            size = max(size, smallest) if size else 0
            # The cells, and what tiles lean over until their last stage.
            total = least + (stages - 1) * width
            sizes[axis] = max(smallest, -(-total // -(-total // size))) if 0 < size < least else 0
        uncut = math.prod(n for size, n in zip(sizes, fewest, strict=True) if not size)
        seen = [size + 2 * stages * width if size else 0 for size in sizes]
        many = all(n >= _LONG * cells for n, cells in zip(fewest, seen, strict=True))
        return cls(tuple(needed), tuple(sizes), width, strips, uncut >= _FEWEST_CELLS, many)

    @property
    def whole(self) -> bool:
        """Whether nothing is cut."""
        return not any(self.sizes) and self.strips is None

    def count(self, axis: int, stages: Count) -> Count:
        """How many it takes along a cut axis until all cells are through the last of so many stages."""
        needed, size = self.needed[axis], self.sizes[axis]
        return (needed.extent + (stages - 1) * (self.width - needed.upper) + size - 1) // size

    def is_inside(self, tile: Sequence[Count], stages: Count) -> jax.Array:
        """Whether all of a tile's cells must be written at each of so many stages, and no wall is due after any."""
        inside = jnp.bool_(True) if self.strips is None else self.strips.is_inside(tile[-1])
        for number, size, (_, extent, lower, _) in zip(tile, self.sizes, self.needed, strict=True):
            if size:
                # Ghosts depend on one layer more than a stage is wide, at most (`solvers.walls`).
                first = (stages - 1) * (self.width + lower) + self.width + 1
                inside &= (number * size >= first) & (number * size + size < extent)
        return inside

    def window(self, tile: Sequence[Count], stage: jax.Array, inside: bool = False) -> Window:
        """Where a tile, by its number along each axis, is at a stage; of one that is inside all cells are wanted."""
        spans = [self._span(axis, number, stage, inside) for axis, number in enumerate(tile)]
        return Window((*spans[:-1], self.strips.span(tile[-1], inside)) if self.strips else tuple(spans))

    def place(self, tile: Sequence[Count], stages: int, shape: Sequence[int]) -> Window:
        """All cells that a tile writes in so many stages, at most, in arrays of that shape but for their ends."""
        spans: list[Span | None] = [None] * len(self.sizes)
        for axis, (number, size, needed) in enumerate(zip(tile, self.sizes, self.needed, strict=True)):
            depth, cells = size + (stages - 1) * self.width, shape[axis] - 2 * self.width
            if size and depth < cells:
                start = jnp.asarray(needed.first + number * size - (stages - 1) * self.width, jnp.int32)
                # A window that would reach over an end is moved inwards, and the place with it.
                last = jnp.minimum(needed.first + needed.extent - size, self.width + cells - depth)
                spans[axis] = Span(jnp.clip(start, self.width, last), depth)
        if self.strips:
            spans[-1] = self.strips.span(tile[-1], inside=True)
        return Window(tuple(spans))

    def _span(self, axis: int, number: Count, stage: jax.Array, inside: bool) -> Span | None:
        (lowest, extent, lower, upper), size = self.needed[axis], self.sizes[axis]
        if size == 0:
            return None
        start = jnp.asarray(lowest + number * size - stage * self.width, jnp.int32)
        if inside:
            return Span(start, size)
        first = jnp.maximum(start, lowest + stage * lower)
        until = jnp.minimum(start + size, lowest + extent - stage * upper)
        return Span(jnp.clip(start, lowest, lowest + extent - size), size, (first, until), self.in_layers)


def sweep(state: State, tiles: Tiles, stages: jax.Array, odd: bool, enter: Enter[State]) -> State:
    """`stages` stages, traced, of known parity: one tile after the other, each through all of them while in cache.

        stage 3 │▓▓▓▓▓▓▓╲        ╲        ╲         Tile by tile, from below; within one, stage by stage.  A tile
        stage 2 │▓▓▓▓▓▓▓▓╲▓ now ▓▓╲        ╲        leans by the width of a stage, so what it needs from the tile
        stage 1 │▓▓▓▓▓▓▓▓▓╲▓▓▓▓▓▓▓▓╲        ╲       before it is there, and has not been overwritten yet: of two
        stage 0 │▓▓▓▓▓▓▓▓▓▓╲▓▓▓▓▓▓▓▓╲  next  ╲      arrays in turn each holds every other stage.
                └──────────────────────────────── cells along an axis →

    The same along every axis that is cut, but for the last one (`solvers.strips`).  Memory is read and written once in
    `stages` stages, if a tile and what it leans over fit into the cache in all arrays; but for what strips share no
    cell is computed twice.  What no later stage needs is left out.

    Time skewing: McCalpin & Wonnacott 1999, Time skewing: a value-based approach to optimizing for memory locality;
    Wonnacott 2000 (doi:10.1109/IPDPS.2000.845979).
    """
    ndim = len(tiles.sizes)

    def through(advance: Advance[State], tile: Sequence[Count], inside: bool, state: State) -> State:
        def one_stage(stage: jax.Array, parity: int, state: State) -> State:
            return advance(state, tiles.window(tile, stage, inside), stage, parity)

        def pair(j: jax.Array, state: State) -> State:
            return one_stage(2 * j + 1, 1, one_stage(2 * j, 0, state))

        state = lax.fori_loop(0, stages // 2, pair, state)
        return one_stage(stages - 1, 0, state) if odd else state

    def one_tile(tile: Sequence[Count], state: State) -> State:
        advance = enter(state, tile)
        if not tiles.many:
            return through(advance, tile, False, state)
        # Those inside have no time to lose with asking what must be left out, and which walls are due.
        inside = tiles.is_inside(tile, stages)
        state = once(inside, lambda state: through(advance, tile, True, state), state)
        return once(~inside, lambda state: through(advance, tile, False, state), state)

    # One native function of all loops; one of each would be called by another for every tile.
    outermost = None if tiles.strips else max(axis for axis, size in enumerate(tiles.sizes) if size)

    def along(axis: int, tile: Sequence[Count], state: State) -> State:
        """All tiles of an axis and of those before it; the first axis' follow one another most closely."""
        if axis < 0:
            return one_tile(tile, state)
        if tiles.sizes[axis] == 0:
            return along(axis - 1, (0, *tile), state)

        def one(number: jax.Array, state: State) -> State:
            return along(axis - 1, (number, *tile), state)

        count = tiles.count(axis, stages)
        return native_loop(count, one, state) if axis == outermost else lax.fori_loop(0, count, one, state)

    if tiles.strips is None:
        return along(ndim - 1, (), state)
    return tiles.strips.each(lambda number, state: along(ndim - 2, (number,), state), state)
