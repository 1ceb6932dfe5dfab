"""One level of a multigrid on one block: where its cells are, and how their ghosts are filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp

from solvers.block import Block, along, core
from solvers.exchange import LOWER, UPPER, Alone, Exchange
from solvers.halo import exchange_halos
from solvers.linear.cells import Cells
from solvers.rounding import Rounding
from solvers.window import layers, with_layers

# A field of no more cells is rather copied than written into.
_FEW = 1 << 14

Reflection: TypeAlias = float | jax.Array
"""What a ghost beyond a wall is, in terms of the cell that it mirrors, where the wall's value is zero:
-1 Dirichlet, +1 Neumann, between them Robin."""

Reflections: TypeAlias = Sequence[tuple[Reflection, Reflection] | None]
"""Of the lower and upper side of each axis, in array order; None where it is periodic."""


@dataclass(frozen=True)
class Level:
    """`block` has one layer of ghosts.  Fields are ghosted, right-hand sides and residuals are not."""

    cells: Cells
    block: Block
    exchange: Exchange
    reflections: Reflections
    rounded: Rounding

    def ghosted(self, u: jax.Array) -> jax.Array:
        """dtype[block.shape] → the same in a ghosted array."""
        return jnp.zeros(self.block.ghosted_shape, u.dtype).at[self.block.interior].set(u)

    def filled(self, u: jax.Array) -> jax.Array:
        """A ghosted field with its ghosts filled from neighbours and, where the wall's value is zero, at walls."""
        if isinstance(self.exchange, Alone) and self.cells.count <= _FEW:
            return self._surrounded(core(u, 1))
        u = exchange_halos(u, self.block, self.exchange)
        for axis, pair in enumerate(self.reflections):
            for side, reflection in zip((LOWER, UPPER), pair or (), strict=False):
                u = self._reflected(u, axis, side, reflection)
        return u

    def wall(self, axis: int, side: int) -> jax.Array | bool:
        """True at the cells next to a wall, which broadcasts to the block; plain False where there is none."""
        at_edge = self.exchange.at_edge(axis, side)
        if self.reflections[axis] is None or at_edge is False:
            return False
        here = self.index(axis) == (0 if side == LOWER else self.cells.shape[axis] - 1)
        return here if at_edge is True else here & at_edge

    def index(self, axis: int) -> jax.Array:
        """Global indices of the block's cells along an axis, shaped to broadcast."""
        return along(axis, self.block.ndim, self.block.offset[axis] + jnp.arange(self.block.shape[axis]))

    def merged_block(self, axes: Sequence[int]) -> Block:
        """The block of what its cells are when merged along some axes: its cuts lie where this one's do."""
        here = self.block
        shape = tuple((n + 1) // 2 if axis in axes else n for axis, n in enumerate(here.shape))
        extent, offset = (
            tuple((n + 1) // 2 if axis in axes else n for axis, n in enumerate(counts))
            for counts in (here.extent, here.offset)
        )
        return Block(shape, 1, extent, offset)

    def merged_reflections(self) -> Reflections:
        """Those of the next level, whose cells' centres are farther from a wall that lets through the same.

        The resistance from a centre to the outside is h / k (1 - r); half of h / k more makes (3 r - 1) / (3 - r) of r.
        """

        def farther(r: Reflection) -> Reflection:
            return (
                (self.rounded(3.0 * r) - 1.0) / (3.0 - r) if isinstance(r, jax.Array) else (3.0 * r - 1.0) / (3.0 - r)
            )

        return tuple(
            (farther(pair[0]), farther(pair[1])) if pair is not None and axis in self.cells.merged else pair
            for axis, pair in enumerate(self.reflections)
        )

    def _surrounded(self, u: jax.Array) -> jax.Array:
        """All cells of a level with its ghosts around them, by one operation an axis: quick to compile."""
        for axis, pair in enumerate(self.reflections):
            first, last = layers(u, axis, 0, 1), layers(u, axis, u.shape[axis] - 1, 1)
            if pair is None:
                first, last = last, first
            else:
                edges = zip(pair, (first, last), strict=True)
                first, last = (self.rounded(jnp.asarray(reflection, u.dtype) * edge) for reflection, edge in edges)
            u = jnp.concatenate([first, u, last], axis)
        return u

    def _reflected(self, u: jax.Array, axis: int, side: int, reflection: Reflection) -> jax.Array:
        at_edge = self.exchange.at_edge(axis, side)
        if at_edge is False:
            return u
        wall = self.block.margins[axis] + (self.block.extent[axis] if side == UPPER else 0)
        inner, outer = (wall, wall - 1) if side == LOWER else (wall - 1, wall)
        ghost = self.rounded(jnp.asarray(reflection, u.dtype) * layers(u, axis, inner, 1))
        if at_edge is not True:
            ghost = jnp.where(at_edge, ghost, layers(u, axis, outer, 1))
        return with_layers(u, axis, outer, ghost)
