"""A source at a point, which may move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp

from solvers.fields import Fields
from solvers.patch import Patch
from solvers.rounding import Rounding

TimeValue: TypeAlias = float | Callable[[jax.Array, Rounding], jax.Array]
"""A number, or a function of time, float64."""


@dataclass(frozen=True)
class PointSource:
    """∂u/∂t gains strength · δ(x - place(t)): strength/volume in the cell that holds the point, none beyond the grid.

    `place` is in array order.  Every block gives the cell its global index; in those that do not hold it the index
    lies out of bounds, where `.at[…].add(mode="drop")` writes nothing.  A place that is not a number makes a cell that
    is none either.
    """

    field: str
    place: Sequence[TimeValue]
    strength: TimeValue

    def __call__(self, patch: Patch, dt: jax.Array) -> Fields:
        """The patch's fields after it, at the end of a step of length dt."""
        u = patch.fields[self.field]
        place = [self._at(value, patch) for value in self.place]
        # Nowhere, in the middle of the grid: what is not a number is to be seen, not to be taken for beyond the edges.
        nowhere = jnp.any(jnp.isnan(jnp.stack(place)))
        amount = patch.rounded(self._at(self.strength, patch) * dt) / patch.grid.cell_volume
        amount = jnp.where(nowhere, jnp.nan, amount)
        index, held = [], jnp.asarray(True)
        for axis, x in enumerate(place):
            cell = jnp.where(nowhere, patch.grid.shape[axis] // 2, cell_of(patch, axis, x))
            held = held & (cell >= 0)
            index.append(images(patch, axis, cell))
        amount = jnp.where(held, amount, 0.0).astype(u.dtype)
        grid = jnp.meshgrid(*index, indexing="ij")
        return {**patch.fields, self.field: u.at[tuple(grid)].add(amount, mode="drop")}

    @staticmethod
    def _at(value: TimeValue, patch: Patch) -> jax.Array:
        return value(patch.time, patch.rounded) if callable(value) else jnp.float64(value)


def cell_of(patch: Patch, axis: int, x: jax.Array) -> jax.Array:
    """Global index of the cell that holds x, int64; around the ring where the axis is one, else -1 beyond the edges.

    The last cell holds the upper edge, around a ring the first one, whatever the quotient is rounded to.
    """
    grid = patch.grid
    cells, low, high = grid.shape[axis], grid.lower[axis], grid.upper[axis]
    cell = jnp.floor(patch.rounded((x - low) * (1.0 / grid.spacing[axis]))).astype(jnp.int64)
    if grid.periodic[axis]:
        return jnp.where(x == high, 0, cell % cells)
    return jnp.where((x >= low) & (x <= high), jnp.clip(cell, 0, cells - 1), -1)


def images(patch: Patch, axis: int, cell: jax.Array) -> jax.Array:
    """Where in the patch a cell lies: around a ring perhaps in several places; elsewhere out of bounds, int64[n]."""
    period, size = patch.grid.shape[axis], patch.shape[axis]
    local = cell - patch.origin[axis]
    if patch.grid.periodic[axis]:
        local = local % period + period * jnp.arange(1 + size // period)
    # Negative indices would count from the end.
    return jnp.where(jnp.ravel(local) < 0, size, jnp.ravel(local))
