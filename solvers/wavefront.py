"""Many steps in one pass over memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import Count
from solvers.fields import Fields

_FEWEST_CELLS = 64

Buffered: TypeAlias = tuple[Fields, Fields]

AdvanceSlab: TypeAlias = Callable[[Fields, Fields, jax.Array, jax.Array], Fields]
"""(fields after step s, fields after step s - 1, slab, s) → the latter with one slab of step s + 1 written."""

Settle: TypeAlias = Callable[[Buffered, jax.Array], Buffered]
"""(fields after an even number of steps, after an odd one), front → the same with what the slabs of a front leave
to be done afterwards.

Both at once, for XLA runs what does not depend on one another in several threads, and the loops that follow go on
in any of them: on another core, far from the slabs in this one's cache.  That takes twice the time.
"""


@dataclass(frozen=True)
class Slabs:
    """`layers` layers of cells cut into slabs of `size`; the last one reaches back where they don't divide."""

    layers: int
    size: int

    @classmethod
    def fit(cls, layers: int, size: int | None, width: int, cells: int) -> Slabs:
        """Slabs of about `size` layers of `cells` cells each (None or 0: one slab), at least a step's reach.

        The last slab computes some layers again.  Their neighbours must be in the slab before it: those of the
        one before that are a step further on by then.  Very few cells are compiled to code of their own, whose
        bits may differ; so a slab has some.
        """
        least = -(-_FEWEST_CELLS // cells)
        size = max(size or layers, least)
        for thinner in range(min(size, layers), max(width, least) - 1, -1):
            if -layers % thinner + width <= thinner:
                return cls(layers, thinner)
        return cls(layers, layers)

    @property
    def count(self) -> int:
        return -(-self.layers // self.size)

    def start(self, number: jax.Array) -> jax.Array:
        return jnp.minimum(number * self.size, self.layers - self.size).astype(jnp.int32)

    def last_holding(self, layer: Count) -> jax.Array:
        """The last slab that holds a layer, traced or not."""
        return jnp.where(layer >= self.layers - self.size, self.count - 1, layer // self.size)

    def holding(self, first: int, last: int) -> tuple[int, int]:
        """The first and the last slab that hold any of the layers first … last."""
        until = self.count - 1 if last >= self.layers - self.size else last // self.size
        return max(0, first) // self.size, until


def sweep(now: Fields, spare: Fields, slabs: Slabs, steps: jax.Array, advance: AdvanceSlab, settle: Settle) -> Buffered:
    """`steps` steps, traced, while the slabs are in cache: now, and every other step, in turn with spare.

        slab     0   1   2   3   4   5
        step 3   1'  2'  3' [4'] .   .          Front 8, in brackets, follows front 7, marked ': a slab's step
        step 2   ·   ·   2'  3' [4'] .          needs its neighbours after the step before, which front 7 left,
        step 1   ·   ·   ·   ·   ·  [·]         and overwrites what nobody needs any more.

    Slab q takes step s (from 0) in front q + 2 s.  The slabs of one front do not depend on one another.  Memory
    is read and written once in `steps` steps, if 2 · steps slabs of both buffers fit into the cache; no cell is
    computed twice (but for the last slab's), so all there is to a step costs what it costs in cache.

    After Lamport's hyperplane method (doi:10.1145/360827.360844); for stencils Wellein et al., Efficient temporal
    blocking for stencil computations by multicore-aware wavefront parallelization (doi:10.1109/COMPSAC.2009.82).
    """

    def one_front(front: jax.Array, buffers: Buffered) -> Buffered:
        # First what the front before this one has left: as the last thing in a loop XLA would not do it in place.
        now, spare = settle(buffers, front - 1)
        # The steps s with 0 ≤ front - 2 s < count.
        begin = jnp.maximum(0, -((slabs.count - 1 - front) // 2))
        end = jnp.minimum(steps, front // 2 + 1)

        def every_other(first: jax.Array, old: Fields, target: Fields) -> Fields:
            """The steps first, first + 2, … of this front, out of old into target."""
            # The inner loop is given its first slab, not the front: with region analysis in copy insertion XLA
            # counts the outer loop's counter on before an inner loop has read it.
            slab = front - 2 * first

            def one_slab(i: jax.Array, target: Fields) -> Fields:
                return advance(old, target, slab - 4 * i, first + 2 * i)

            return lax.fori_loop(0, (end - first + 1) // 2, one_slab, target)

        spare = every_other(begin + begin % 2, now, spare)
        now = every_other(begin + 1 - begin % 2, spare, now)
        return now, spare

    return lax.fori_loop(0, slabs.count + 2 * (steps - 1), one_front, (now, spare))
