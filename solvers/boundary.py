"""Physical boundaries: what the ghost cells beyond an edge of the grid hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp

from solvers.wall import Wall

Value: TypeAlias = float | Callable[[Wall], jax.Array]
"""A number, or a function of the place along the wall and of time, which broadcasts to the wall's ghosts."""


class Boundary(ABC):
    """A condition at one side, given as the ghost values that make it hold at the wall.

      ghosts          wall   interior
    | g₂ | g₁ | g₀ |   ‖   | u₀ | u₁ | u₂ |          ghost gⱼ mirrors cell uⱼ,
                       ‖                             their centres (2j + 1) h apart
    """

    @abstractmethod
    def ghost(self, wall: Wall) -> jax.Array:
        """Ghost values, of the shape of `wall.mirror`."""


@dataclass(frozen=True)
class Periodic(Boundary):
    """u(x + L) = u(x).  The halo exchange is a full ring: the ghosts are right as they arrive."""

    def ghost(self, wall: Wall) -> jax.Array:
        raise TypeError("periodic ghosts come from the halo exchange, not from a mirrored cell")


@dataclass(frozen=True)
class Dirichlet(Boundary):
    """u = value at the wall, second order: the mean of ghost and mirrored cell is the value."""

    value: Value = 0.0

    def ghost(self, wall: Wall) -> jax.Array:
        return 2.0 * at(self.value, wall) - wall.mirror


@dataclass(frozen=True)
class Neumann(Boundary):
    """∂u/∂n = gradient at the wall, n pointing outwards, second order."""

    gradient: Value = 0.0

    def ghost(self, wall: Wall) -> jax.Array:
        if self.gradient == 0.0:
            return wall.mirror
        return wall.mirror + wall.rounded(wall.distance * at(self.gradient, wall))


def at(value: Value, wall: Wall) -> jax.Array:
    """A boundary's value at a wall, in the field's dtype."""
    found = value(wall) if callable(value) else value
    return jnp.asarray(found, wall.mirror.dtype)
