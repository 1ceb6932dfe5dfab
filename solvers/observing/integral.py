"""What is measured over a region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp

from solvers.forcing.region import Region
from solvers.observing.observation import Scene
from solvers.reductions import exact_sum, maximum, minimum

Measure: TypeAlias = Literal["integral", "mean", "min", "max"]


@dataclass(frozen=True)
class OverRegion:
    """∫u dV, the mean, the minimum or the maximum over the cells of a region; the latter three are NaN of none."""

    field: str
    region: Region
    measure: Measure

    def __call__(self, scene: Scene) -> jax.Array:
        interior, exchange = scene.interior, scene.exchange
        u = interior.fields[self.field].astype(jnp.float64)
        inside = jnp.broadcast_to(self.region.inside(interior), u.shape) & scene.block.owned()
        count = exchange.sum(jnp.sum(inside, dtype=jnp.int64))
        if self.measure in ("min", "max"):
            extreme, beyond = (maximum, -jnp.inf) if self.measure == "max" else (minimum, jnp.inf)
            found = extreme(jnp.where(inside, u, beyond), exchange)
        else:
            total = exact_sum(jnp.where(inside, u, 0.0), interior.grid.cells, exchange)
            if self.measure == "integral":
                return total * interior.grid.cell_volume
            found = total / jnp.maximum(count, 1)
        return jnp.where(count > 0, found, jnp.nan)
