"""All walls of a field: filling the ghosts beyond the edges of the grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp

from solvers.block import Block, Count, Layers, layers, with_layers
from solvers.boundary import Boundary, Periodic
from solvers.exchange import LOWER, UPPER, Exchange
from solvers.grid import Grid
from solvers.wall import Setting, Wall

Sides: TypeAlias = Sequence[tuple[Boundary, Boundary]]
"""Lower and upper condition of every axis, in array order."""


@dataclass(frozen=True)
class Walls:
    """A field's boundaries and what it takes to fill them: the grid, and the ghost layers that a step needs.

    All fills go axis by axis, each over the full cross-section of the axes before it, so the corners follow the
    last axis.  They are idempotent: ghosts depend on interior cells alone.
    """

    sides: Sides
    grid: Grid
    width: int

    def fill(self, u: jax.Array, setting: Setting) -> jax.Array:
        """Fill the `width` ghost layers next to every physical edge that this block touches.

        To be called after the halos have arrived (they go around the ring, edges included), and again before
        every further step that the same halos serve.  u: dtype[block.ghosted_shape] → the same.
        """
        for side in (LOWER, UPPER):
            u = self._fill_side(u, 0, side, setting)
        return self.fill_across(u, setting)

    def fill_across(self, u: jax.Array, setting: Setting, rows: Layers | None = None) -> jax.Array:
        """The same for all axes but the first, in some of the first axis' layers only."""
        for axis in range(1, u.ndim):
            for side in (LOWER, UPPER):
                u = self._fill_side(u, axis, side, setting, rows)
        return u

    def fill_first(self, u: jax.Array, side: int, setting: Setting) -> jax.Array:
        """The same at one side of the first axis, corners included."""
        u = self._fill_side(u, 0, side, setting)
        rows = Layers(self.wall(setting.block, 0, side) - self.width, 2 * self.width)
        return self.fill_across(u, setting, rows)

    def is_wall(self, axis: int, side: int, exchange: Exchange) -> bool:
        """Whether there may be something to fill, as far as is known when compiling."""
        boundary = self.sides[axis][side == UPPER]
        return not isinstance(boundary, Periodic) and exchange.at_edge(axis, side) is not False

    def reach(self, axis: int, side: int) -> int:
        """Layers of cells next to a wall that its ghosts depend on."""
        return max(self.width, self.sides[axis][side == UPPER].reach)

    @staticmethod
    def wall(block: Block, axis: int, side: int) -> Count:
        """Index of the first cell above a wall."""
        return block.ghosts + (block.extent[axis] if side == UPPER else 0)

    def _fill_side(self, u: jax.Array, axis: int, side: int, setting: Setting, rows: Layers | None = None) -> jax.Array:
        if not self.is_wall(axis, side, setting.exchange):
            return u
        boundary, width = self.sides[axis][side == UPPER], self.width
        wall, at_edge = self.wall(setting.block, axis, side), setting.exchange.at_edge(axis, side)
        depth = self.reach(axis, side)
        inner, outer = (wall, wall - width) if side == LOWER else (wall - depth, wall)
        near = jnp.flip(layers(u, axis, inner, depth, rows), axis)
        seen = Wall(near, axis, side, width, inner, rows, self.grid, setting)
        ghost = jnp.broadcast_to(boundary.ghost(seen), seen.mirror.shape)
        if at_edge is not True:
            ghost = jnp.where(at_edge, ghost, layers(u, axis, outer, width, rows))
        return with_layers(u, axis, outer, ghost, rows)
