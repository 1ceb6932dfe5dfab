"""The value at a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax

from solvers.forcing.point import cell_of
from solvers.observing.observation import Scene


@dataclass(frozen=True)
class Probe:
    """u in the cell that holds the point `place`, in array order; 0 beyond the grid.

    Every block reads at the cell's global index: out of bounds, where it is not the owner, that gives zero, and the
    sum over the blocks is the value everywhere.  The bits are added as integers: in floating point -0.0 + 0.0 is 0.0.
    """

    field: str
    place: Sequence[float]

    def __call__(self, scene: Scene) -> jax.Array:
        interior = scene.interior
        u, owned = interior.fields[self.field], jnp.asarray(True)
        index = []
        for axis, place in enumerate(self.place):
            local = cell_of(interior, axis, jnp.float64(place)) - scene.block.offset[axis]
            owned = owned & (local >= 0) & (local < scene.block.extent[axis])
            # Negative indices would count from the end.
            index.append(jnp.where(local < 0, u.shape[axis], local))
        value = u.astype(jnp.float64).at[tuple(index)].get(mode="fill", fill_value=0.0)
        bits = lax.bitcast_convert_type(jnp.where(owned, value, 0.0), jnp.uint64)
        return lax.bitcast_convert_type(scene.exchange.sum(bits), jnp.float64)
