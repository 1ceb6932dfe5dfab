"""Many steps in one pass over memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import Count
from solvers.window import Span, Window

_FEWEST_CELLS = 64

State = TypeVar("State")

Advance: TypeAlias = Callable[[State, Window, jax.Array, int], State]
"""(state, window, stage from 0 on, its parity) → the state with that stage taken in that window."""


@dataclass(frozen=True)
class Tiles:
    """The cells that a stage writes, in tiles of `sizes`; 0: an axis is not cut.

    Along each axis that is cut these are `extent` cells from the array's index `first` on, on some blocks more than
    on others.  A stage later, a tile has moved `width` cells towards lower indices.
    """

    first: tuple[Count, ...]
    extent: tuple[Count, ...]
    sizes: tuple[int, ...]
    width: int

    @classmethod
    def fit(
        cls, cells: Sequence[tuple[Count, Count]], fewest: Sequence[int], wanted: Sequence[int], width: int
    ) -> Tiles:
        """Tiles of about the wanted sizes of the first axes; of those without any, an axis is not cut.

        `cells`: the first along each axis, and their number.  `fewest`: how many there are on any block.  Very few
        cells are compiled to code of their own, whose bits may differ; so a tile has some.
        """
        sizes = [*wanted, *[0] * (len(fewest) - len(wanted))]
        for axis, (size, least) in enumerate(zip(sizes, fewest, strict=True)):
            across = math.prod(s or n for s, n in zip(sizes, fewest, strict=True)) // (size or least)
            size = max(size, -(-_FEWEST_CELLS // across)) if size else 0
            sizes[axis] = size if size < least else 0
        first, extent = zip(*cells, strict=True)
        return cls(first, extent, tuple(sizes), width)

    @property
    def whole(self) -> bool:
        """Whether nothing is cut."""
        return not any(self.sizes)

    def count(self, axis: int, stages: Count) -> Count:
        """How many it takes along a cut axis until all cells are through the last of so many stages."""
        return (self.extent[axis] + (stages - 1) * self.width + self.sizes[axis] - 1) // self.sizes[axis]

    def window(self, tile: Sequence[Count], stage: jax.Array) -> Window:
        """Where a tile, by its number along each axis, is at a stage."""
        return Window(tuple(self._span(axis, number, stage) for axis, number in enumerate(tile)))

    def _span(self, axis: int, number: Count, stage: jax.Array) -> Span | None:
        size, lowest = self.sizes[axis], self.first[axis]
        if size == 0:
            return None
        start = jnp.asarray(lowest + number * size - stage * self.width, jnp.int32)
        return Span(jnp.clip(start, lowest, lowest + self.extent[axis] - size), size, (start, start + size))


def sweep(state: State, tiles: Tiles, stages: jax.Array, odd: bool, advance: Advance[State]) -> State:
    """`stages` stages, traced, of known parity: one tile after the other, each through all of them while in cache.

        stage 3 │▓▓▓▓▓▓▓╲        ╲        ╲         Tile by tile, from below; within one, stage by stage.  A tile
        stage 2 │▓▓▓▓▓▓▓▓╲▓ now ▓▓╲        ╲        leans by the width of a stage, so what it needs from the tile
        stage 1 │▓▓▓▓▓▓▓▓▓╲▓▓▓▓▓▓▓▓╲        ╲       before it is there, and has not been overwritten yet: of two
        stage 0 │▓▓▓▓▓▓▓▓▓▓╲▓▓▓▓▓▓▓▓╲  next  ╲      arrays in turn each holds every other stage.
                └──────────────────────────────── cells along an axis →

    The same along every axis that is cut.  Memory is read and written once in `stages` stages, if a tile and what
    it leans over fit into the cache in all arrays; no cell is computed twice.

    Time skewing: McCalpin & Wonnacott 1999, Time skewing: a value-based approach to optimizing for memory locality;
    Wonnacott 2000 (doi:10.1109/IPDPS.2000.845979).
    """
    ndim = len(tiles.extent)

    def one_tile(tile: Sequence[Count], state: State) -> State:
        def one_stage(stage: jax.Array, parity: int, state: State) -> State:
            return advance(state, tiles.window(tile, stage), stage, parity)

        def pair(j: jax.Array, state: State) -> State:
            return one_stage(2 * j + 1, 1, one_stage(2 * j, 0, state))

        state = lax.fori_loop(0, stages // 2, pair, state)
        return one_stage(stages - 1, 0, state) if odd else state

    def along(axis: int, tile: Sequence[Count], state: State) -> State:
        """All tiles of an axis and of those before it; the first axis' follow one another most closely."""
        if axis < 0:
            return one_tile(tile, state)
        if tiles.sizes[axis] == 0:
            return along(axis - 1, (0, *tile), state)

        def one(number: jax.Array, state: State) -> State:
            return along(axis - 1, (number, *tile), state)

        return lax.fori_loop(0, tiles.count(axis, stages), one, state)

    return along(ndim - 1, (), state)
