"""The last axis in overlapping strips, none of which moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, overload

import jax
import jax.numpy as jnp

from solvers.block import Count
from solvers.native_loop import native_loop
from solvers.once import once
from solvers.window import Span, layers, with_layers

State = TypeVar("State")

AdvanceStrip: TypeAlias = Callable[[jax.Array, State], State]
"""(strip, by its number, state) → the state with all stages taken in that strip."""

# Strips begin where rows of an array have a multiple of so many cells before them: these fill a line of the cache, and
# vectors are no longer than that.
_LINE = 16


@dataclass(frozen=True)
class Strips:
    """The cells [first, first + cells) of the last axis, in `count` strips of `depth` cells, one after the other.

        |▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓····|            ▓ as they would be without strips, after all stages
                     |····▓▓▓▓▓▓▓▓▓▓▓▓····|   · `spare` cells that a stage after the other were stepped without
                                 |····▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓|    their neighbours, and are wrong

    Tiles that lean (`solvers.tiles`) would begin at any cell along this axis, too.  But a vector of cells that lies
    across two lines of the cache takes twice the loads and stores: a step of five points in cache is 1.7 times as fast
    where rows begin with a line.  So a strip takes all stages of the same cells, from what these have been before any
    stage, and what has come of those that it shares with the strip before it is put aside meanwhile.
    """

    first: int
    cells: int
    depth: int
    count: int
    spare: int

    @classmethod
    def fit(cls, first: int, cells: int, wanted: int, spare: int, apart: int) -> Strips | None:
        """Strips of about `wanted` cells of their own, of which only the first and the last are within `apart` cells of
        an end; none where it takes only one."""
        count = -(-(cells - 2 * spare) // max(wanted, _in_lines(apart)))
        while count > 1:
            depth = _in_lines(-(-(cells - 2 * spare) // count) + 2 * spare)
            for more in (0, _LINE):
                strips = cls(first, cells, depth + more, count, spare)
                if strips.depth < cells and strips._gaps[0] >= apart and depth + more - strips._gaps[1] >= 2 * spare:
                    return strips
            count -= 1
        return None

    def span(self, number: Count, inside: bool) -> Span:
        """Of a strip, by its number; `inside`: it is known to be neither the first nor the last."""
        start = self._start(number)
        return Span(start, self.depth) if inside else Span(start, self.depth, (start, start + self.depth), full=True)

    def is_inside(self, number: Count) -> jax.Array:
        return jnp.asarray((number > 0) & (number < self.count - 1))

    def each(self, advance: AdvanceStrip[State], state: State) -> State:
        """All strips of arrays, one after the other."""

        def one(number: jax.Array, kept: tuple[State, State, State]) -> tuple[State, State, State]:
            start, later = self._start(number), self._start(jnp.minimum(number + 1, self.count - 1))

            def put_aside(kept: tuple[State, State, State]) -> tuple[State, State, State]:
                state, before, _ = kept
                return state, before, self._cells(state, start, self.spare)

            def as_before(kept: tuple[State, State, State]) -> tuple[State, State, State]:
                state, before, done = kept
                return self._with_cells(state, start, before), before, done

            def put_later_aside(kept: tuple[State, State, State]) -> tuple[State, State, State]:
                state, _, done = kept
                return state, self._cells(state, later, self.overlap), done

            def with_done(kept: tuple[State, State, State]) -> tuple[State, State, State]:
                state, before, done = kept
                return self._with_cells(state, start, done), before, done

            for move in (put_aside, as_before, put_later_aside):
                kept = once(number >= 0, move, kept)
            state, before, done = kept
            kept = (advance(number, state), before, done)
            return once(number > 0, with_done, kept)

        start = self._start(0)
        kept = (state, self._cells(state, start, self.overlap), self._cells(state, start, self.spare))
        return native_loop(self.count, one, kept)[0]

    @property
    def overlap(self) -> int:
        """Cells that two strips share, at most."""
        return self.depth - self._gaps[0]

    @property
    def _gaps(self) -> tuple[int, int]:
        """Cells from the beginning of one strip to that of the next, at least and at most."""
        last = self.cells - self.depth - self._offset(self.count - 2)
        if self.count == 2:
            return last, last
        each, gaps = self._lines, self.count - 1
        return min(each // gaps * _LINE, last), max(-(-each // gaps) * _LINE + self._to_line, last)

    def _start(self, number: Count) -> jax.Array:
        last = jnp.asarray(number == self.count - 1)
        return jnp.asarray(self.first + jnp.where(last, self.cells - self.depth, self._offset(number)), jnp.int32)

    @overload
    def _offset(self, number: int) -> int: ...

    @overload
    def _offset(self, number: jax.Array) -> jax.Array: ...

    def _offset(self, number: Count) -> Count:
        """Cells before a strip, of any but the last: about as many more each time."""
        lines = number * self._lines // (self.count - 1)
        return lines * _LINE + (number > 0) * self._to_line

    @property
    def _to_line(self) -> int:
        """Cells before the first line of the cache."""
        return -self.first % _LINE

    @property
    def _lines(self) -> int:
        return (self.cells - self.depth - self._to_line) // _LINE

    @staticmethod
    def _cells(state: State, start: jax.Array, depth: int) -> State:
        return jax.tree.map(lambda u: layers(u, u.ndim - 1, start, depth), state)

    @staticmethod
    def _with_cells(state: State, start: jax.Array, cells: State) -> State:
        return jax.tree.map(lambda u, part: with_layers(u, u.ndim - 1, start, part), state, cells)


def _in_lines(cells: int) -> int:
    return -(-cells // _LINE) * _LINE
