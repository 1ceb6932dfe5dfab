"""Physical boundaries: what the ghost cells beyond an edge of the grid hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp

from solvers.block import Block, Count, Layers, layers, with_layers
from solvers.exchange import LOWER, UPPER, Exchange


class Boundary(ABC):
    """A condition at one side, given as the ghost values that make it hold at the wall.

      ghosts          wall   interior
    | g₂ | g₁ | g₀ |   ‖   | u₀ | u₁ | u₂ |          ghost gⱼ mirrors cell uⱼ,
                       ‖                             their centres (2j + 1) h apart
    """

    @abstractmethod
    def ghost(self, mirror: jax.Array, distance: jax.Array) -> jax.Array:
        """Ghost values from the mirrored cells and the distance between both, which broadcast."""


@dataclass(frozen=True)
class Periodic(Boundary):
    """u(x + L) = u(x).  The halo exchange is a full ring: the ghosts are right as they arrive."""

    def ghost(self, mirror: jax.Array, distance: jax.Array) -> jax.Array:
        raise TypeError("periodic ghosts come from the halo exchange, not from a mirrored cell")


@dataclass(frozen=True)
class Dirichlet(Boundary):
    """u = value at the wall, second order: the mean of ghost and mirrored cell is the value."""

    value: float = 0.0

    def ghost(self, mirror: jax.Array, distance: jax.Array) -> jax.Array:
        return jnp.asarray(2.0 * self.value, mirror.dtype) - mirror


@dataclass(frozen=True)
class Neumann(Boundary):
    """∂u/∂n = gradient at the wall, n pointing outwards, second order."""

    gradient: float = 0.0

    def ghost(self, mirror: jax.Array, distance: jax.Array) -> jax.Array:
        if self.gradient == 0.0:
            return mirror
        return mirror + distance * jnp.asarray(self.gradient, mirror.dtype)


Sides: TypeAlias = Sequence[tuple[Boundary, Boundary]]
"""Lower and upper condition of every axis, in array order."""


@dataclass(frozen=True)
class Walls:
    """A field's boundaries and what it takes to fill them: the grid's spacing, the ghost layers that a step needs.

    All fills go axis by axis, each over the full cross-section of the axes before it, so the corners follow the
    last axis.  They are idempotent: ghosts depend on interior cells alone.
    """

    sides: Sides
    spacing: Sequence[float]
    width: int

    def fill(self, u: jax.Array, block: Block, exchange: Exchange) -> jax.Array:
        """Fill the `width` ghost layers next to every physical edge that this block touches.

        To be called after the halos have arrived (they go around the ring, edges included), and again before
        every further step that the same halos serve.  u: dtype[block.ghosted_shape] → the same.
        """
        for side in (LOWER, UPPER):
            u = self._fill_side(u, 0, side, block, exchange)
        return self.fill_across(u, block, exchange)

    def fill_across(self, u: jax.Array, block: Block, exchange: Exchange, rows: Layers | None = None) -> jax.Array:
        """The same for all axes but the first, in some of the first axis' layers only."""
        for axis in range(1, u.ndim):
            for side in (LOWER, UPPER):
                u = self._fill_side(u, axis, side, block, exchange, rows)
        return u

    def fill_first(self, u: jax.Array, side: int, block: Block, exchange: Exchange) -> jax.Array:
        """The same at one side of the first axis, corners included."""
        u = self._fill_side(u, 0, side, block, exchange)
        return self.fill_across(u, block, exchange, Layers(self.wall(block, 0, side) - self.width, 2 * self.width))

    def is_wall(self, axis: int, side: int, exchange: Exchange) -> bool:
        """Whether there may be something to fill, as far as is known when compiling."""
        boundary = self.sides[axis][side == UPPER]
        return not isinstance(boundary, Periodic) and exchange.at_edge(axis, side) is not False

    @staticmethod
    def wall(block: Block, axis: int, side: int) -> Count:
        """Index of the first cell above a wall."""
        return block.ghosts + (block.extent[axis] if side == UPPER else 0)

    def _fill_side(
        self, u: jax.Array, axis: int, side: int, block: Block, exchange: Exchange, rows: Layers | None = None
    ) -> jax.Array:
        if not self.is_wall(axis, side, exchange):
            return u
        boundary, width = self.sides[axis][side == UPPER], self.width
        wall, at_edge = self.wall(block, axis, side), exchange.at_edge(axis, side)
        inner, outer = (wall, wall - width) if side == LOWER else (wall - width, wall)
        mirror = jnp.flip(layers(u, axis, inner, width, rows), axis)
        ghost = boundary.ghost(mirror, _distances(u, self.spacing[axis], width, axis, side))
        if at_edge is not True:
            ghost = jnp.where(at_edge, ghost, layers(u, axis, outer, width, rows))
        return with_layers(u, axis, outer, ghost, rows)


def _distances(u: jax.Array, h: float, width: int, axis: int, side: int) -> jax.Array:
    """(2j + 1) h for the ghost layers in array order, shaped to broadcast along `axis`."""
    j = jnp.arange(width)[:: 1 if side == UPPER else -1]
    return ((2 * j + 1) * h).astype(u.dtype).reshape([-1 if a == axis else 1 for a in range(u.ndim)])
