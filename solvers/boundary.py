"""Physical boundaries: what the ghost cells beyond an edge of the grid hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp

from solvers.block import Block, Count, layers, with_layers
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


def fill_boundaries(
    u: jax.Array,
    sides: Sides,
    spacing: Sequence[float],
    width: int,
    block: Block,
    exchange: Exchange,
) -> jax.Array:
    """Fill the `width` ghost layers next to every physical edge that this block touches.

    To be called after the halos have arrived (they go around the ring, edges included), and again before
    every further step that the same halos serve.  Axis by axis over the full cross-section, so the corners
    follow the last axis.  u: dtype[block.ghosted_shape] → the same.
    """
    for axis, (lower, upper) in enumerate(sides):
        edge = block.ghosts
        u = _fill_side(u, lower, spacing[axis], width, axis, LOWER, edge, exchange)
        u = _fill_side(u, upper, spacing[axis], width, axis, UPPER, edge + block.extent[axis], exchange)
    return u


def _fill_side(
    u: jax.Array,
    boundary: Boundary,
    h: float,
    width: int,
    axis: int,
    side: int,
    edge: Count,
    exchange: Exchange,
) -> jax.Array:
    """`edge` is the index of the first cell above the wall."""
    at_edge = exchange.at_edge(axis, side)
    if isinstance(boundary, Periodic) or at_edge is False:
        return u
    inner, outer = (edge, edge - width) if side == LOWER else (edge - width, edge)
    mirror = jnp.flip(layers(u, axis, inner, width), axis)
    ghost = boundary.ghost(mirror, _distances(u, h, width, axis, side))
    if at_edge is not True:
        ghost = jnp.where(at_edge, ghost, layers(u, axis, outer, width))
    return with_layers(u, axis, outer, ghost)


def _distances(u: jax.Array, h: float, width: int, axis: int, side: int) -> jax.Array:
    """(2j + 1) h for the ghost layers in array order, shaped to broadcast along `axis`."""
    j = jnp.arange(width)[:: 1 if side == UPPER else -1]
    return ((2 * j + 1) * h).astype(u.dtype).reshape([-1 if a == axis else 1 for a in range(u.ndim)])
