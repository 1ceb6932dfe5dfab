"""Where something acts or is measured: a part of space, not of an array."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.patch import Patch


class Region(ABC):
    """The cells whose centres lie in a part of space.  Knows no block: every patch finds its own share."""

    @abstractmethod
    def inside(self, patch: Patch) -> jax.Array:
        """bool, broadcasting to the patch's shape."""


@dataclass(frozen=True)
class Box(Region):
    """lower ≤ x ≤ upper on every axis, in array order."""

    lower: Sequence[float]
    upper: Sequence[float]

    def inside(self, patch: Patch) -> jax.Array:
        found = jnp.asarray(True)
        for axis, (low, high) in enumerate(zip(self.lower, self.upper, strict=True)):
            x = patch.centres(axis)
            found = found & (x >= low) & (x <= high)
        return found


@dataclass(frozen=True)
class Ball(Region):
    """|x - centre| ≤ radius; an interval in 1-D, a disc in 2-D."""

    centre: Sequence[float]
    radius: float

    def inside(self, patch: Patch) -> jax.Array:
        squares = [patch.rounded((patch.centres(axis) - c) ** 2) for axis, c in enumerate(self.centre)]
        distance = squares[0]
        for square in squares[1:]:
            distance = distance + square
        return distance <= self.radius**2


@dataclass(frozen=True)
class Mask(Region):
    """Where a function of the patch is not zero."""

    function: Callable[[Patch], jax.Array]

    def inside(self, patch: Patch) -> jax.Array:
        return self.function(patch) != 0
