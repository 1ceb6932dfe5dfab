"""What stages make of coefficients alone, kept while they are taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
from jax import lax

from solvers.fields import Fields
from solvers.patch import Patch
from solvers.window import Window


@dataclass(frozen=True)
class Made:
    """What is made of coefficients alone, such as k at faces: once for all cells of a place, for every stage there.

    of: dtype[m - d, …] for a place of m cells; d is each array's own, and the same for any patch.
    """

    place: Window
    shape: tuple[int, ...]
    of: dict[str, jax.Array]

    @classmethod
    def by(cls, take: Callable[[Patch], object], patch: Patch, place: Window) -> Made:
        """What `take` makes when it takes a stage of that place; what comes of the stage is not computed."""
        made: dict[str, jax.Array] = {}
        take(replace(patch, made=made))
        return cls(place, patch.shape, lax.optimization_barrier(made))

    def seen(self, window: Window, of: Fields) -> Fields:
        """`of`, which are those of the place, for the cells of a window that lies in it."""

        def part(values: jax.Array) -> jax.Array:
            corner, sizes = [], []
            for axis, (span, n, kept) in enumerate(zip(window.spans, self.shape, values.shape, strict=True)):
                corner.append(jnp.asarray(window.start(axis) - self.place.start(axis), jnp.int32))
                sizes.append(kept if span is None else span.depth - (n - kept))
            return lax.dynamic_slice(values, corner, sizes, allow_negative_indices=False)

        return {name: part(values) for name, values in of.items()}
