"""Some cells of a ghosted array: what is read, what is written, what is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import Count, along
from solvers.once import once

State = TypeVar("State")

# Into so many boxes a tile is cut at an end, where not all of its cells are wanted: fewer are more often not full.
_BOXES = 4


class Span(NamedTuple):
    """`depth` cells along an axis, from `start` on; wanted are those of [first, until), or all.

    in_layers: whether layers across the axis have so many cells that each may be taken by itself.  full: these are all
    cells at any rate, but may lie next to a wall.
    """

    start: Count
    depth: int
    wanted: tuple[Count, Count] | None = None
    in_layers: bool = False
    full: bool = False


@dataclass(frozen=True)
class Window:
    """A box of cells: some of an axis, or, where there is no span, the whole of it, ghosts included.

    Its size is known when compiling, its place when running.  So a window that would reach over an end of the
    array is moved inwards, and the cells that are not wanted stay as they are.
    """

    spans: tuple[Span | None, ...]

    @classmethod
    def whole(cls, ndim: int) -> Window:
        return cls((None,) * ndim)

    @property
    def is_whole(self) -> bool:
        return all(span is None for span in self.spans)

    def start(self, axis: int) -> Count:
        span = self.spans[axis]
        return 0 if span is None else span.start

    def wanted_along(self, axis: int) -> tuple[Count, Count] | None:
        """Which cells of an axis are wanted: of [first, until); or all."""
        span = self.spans[axis]
        return None if span is None else span.wanted

    def along(self, axis: int, start: Count, depth: int) -> Window:
        """The window with other cells along an axis, all of them wanted."""
        spans = list(self.spans)
        spans[axis] = Span(start, depth)
        return Window(tuple(spans))

    def grown(self, margin: int) -> Window:
        """With `margin` more cells on every side, where it does not have all of them."""
        return Window(tuple(s and Span(s.start - margin, s.depth + 2 * margin) for s in self.spans))

    def of(self, u: jax.Array) -> jax.Array:
        """The cells of u in the window; of a scalar itself."""
        if u.ndim == 0 or self.is_whole:
            return u
        return _cells(u, self._corner(0), self._shape(u.shape, 0))

    def written(self, u: jax.Array, values: jax.Array, margin: int = 0) -> jax.Array:
        """u with the wanted cells replaced; of a whole axis, without its outermost `margin` cells on both sides."""
        if self.is_whole:
            return _with_cells(u, values, (margin,) * u.ndim)
        corner, mask = self._corner(margin), self.wanted()
        if mask is not True:
            # On their own first: a loop that may read what it writes is vectorised only if it does little else.
            values = lax.optimization_barrier(values)
            values = jnp.where(mask, values, _cells(u, corner, self._shape(u.shape, margin)))
        return _with_cells(u, values, corner)

    def box_by_box(
        self, update: Callable[[Window, State], State], state: State, axis: int = 0, layered: bool = False
    ) -> State:
        """update(window, state) of the wanted cells, a box at a time, of few shapes: each is a program to compile.

        Of an axis all at once, or else layer by layer; of the last one that is cut several layers at a time, except
        across a layer of another one.  Where layers have too few cells it is done at once, with a mask if need be,
        which takes longer.
        """
        if axis == len(self.spans):
            return update(self, state)
        span = self.spans[axis]
        if span is None or span.wanted is None:
            return self.box_by_box(update, state, axis + 1, layered)
        if span.full:
            return self.along(axis, span.start, span.depth).box_by_box(update, state, axis + 1, layered)
        (first, until), start, depth = span.wanted, span.start, span.depth
        begin = jnp.maximum(first, start)
        count = jnp.maximum(jnp.minimum(until, start + depth) - begin, 0)

        def boxes(begin: Count, count: Count, depth: int, layered: bool, state: State) -> State:
            def box(i: jax.Array, state: State) -> State:
                state, i = lax.optimization_barrier((state, i))
                return self.along(axis, begin + i * depth, depth).box_by_box(update, state, axis + 1, layered)

            return lax.fori_loop(0, count, box, state)

        def masked(state: State) -> State:
            return self.box_by_box(update, state, axis + 1, layered)

        if span.in_layers and not layered and self._is_last(axis):
            several = max(1, depth // _BOXES)
            state = boxes(begin, count // several, several, False, state)
            return boxes(begin + count // several * several, count % several, 1, False, state) if several > 1 else state
        state = boxes(start, jnp.int32(count == depth), depth, layered, state)
        if span.in_layers:
            return boxes(begin, jnp.where(count == depth, 0, count), 1, True, state)
        return once((count > 0) & (count < depth), masked, state)

    def _is_last(self, axis: int) -> bool:
        """Whether of all axes after this one all cells are wanted."""
        return all(span is None or span.wanted is None or span.full for span in self.spans[axis + 1 :])

    def wanted(self, but: int | None = None) -> jax.Array | bool:
        """Which cells are wanted, not asking along one axis: bool, shaped to broadcast, or plain True."""
        mask: jax.Array | bool = True
        for axis, span in enumerate(self.spans):
            if span is not None and span.wanted is not None and axis != but:
                first, until = span.wanted
                index = span.start + jnp.arange(span.depth, dtype=jnp.int32)
                mask = mask & along(axis, len(self.spans), (index >= first) & (index < until))
        return mask

    def corner(self, margin: int) -> list[Count]:
        """Index of the first cell, of whole axes `margin`."""
        return [margin if span is None else span.start for span in self.spans]

    def _corner(self, margin: int) -> list[jax.Array]:
        return [jnp.asarray(start, jnp.int32) for start in self.corner(margin)]

    def _shape(self, shape: tuple[int, ...], margin: int) -> list[int]:
        return [n - 2 * margin if span is None else span.depth for n, span in zip(shape, self.spans, strict=True)]


def layers(u: jax.Array, axis: int, start: Count, depth: int, window: Window | None = None) -> jax.Array:
    """The `depth` layers of u from `start` on along an axis; of the other axes what is in the window."""
    if window is None or window.is_whole:
        return lax.dynamic_slice_in_dim(u, start, depth, axis)
    return window.along(axis, start, depth).of(u)


def with_layers(u: jax.Array, axis: int, start: Count, strip: jax.Array, window: Window | None = None) -> jax.Array:
    """u with the layers from `start` on replaced by `strip`, wanted or not."""
    if window is not None and not window.is_whole:
        return _with_cells(u, strip, window.along(axis, start, strip.shape[axis])._corner(0))
    return lax.dynamic_update_slice_in_dim(u, strip, start, axis)


def _cells(u: jax.Array, corner: Sequence[Count], shape: Sequence[int]) -> jax.Array:
    """A box of u; moved inwards where it would reach over an end."""
    # What is asked about signs is a loop of XLA's for each index, in every stage of every tile.
    return lax.dynamic_slice(u, corner, shape, allow_negative_indices=False)


def _with_cells(u: jax.Array, values: jax.Array, corner: Sequence[Count]) -> jax.Array:
    """u with such a box replaced.

    u.at[…].set(values), but that a GPU would ask first whether the box is within bounds, and write all of u.
    """
    return lax.dynamic_update_slice(u, values, corner, allow_negative_indices=False)
