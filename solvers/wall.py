"""One wall, as a boundary condition sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.block import Block, Count, Layers, layers
from solvers.exchange import UPPER, Exchange
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.patch import along, line
from solvers.rounding import Rounding


@dataclass(frozen=True)
class Setting:
    """What goes on around a field whose walls are filled: its block, the others, the coefficients, the time."""

    block: Block
    exchange: Exchange
    coefficients: Fields
    time: jax.Array

    @property
    def rounded(self) -> Rounding:
        return Rounding.by(self.time)


@dataclass(frozen=True)
class Wall:
    """`mirror` holds the interior cells next to a wall in the order of the ghosts that mirror them.

    mirror: dtype[…, width, …], the wall's axis being `axis`; of the first axis, where it is another, perhaps
    some `rows` only.  `outer`, `inner` are where ghosts and mirrored cells begin along the wall's axis.
    """

    mirror: jax.Array
    axis: int
    side: int
    outer: Count
    inner: Count
    rows: Layers | None
    grid: Grid
    setting: Setting

    @property
    def rounded(self) -> Rounding:
        return self.setting.rounded

    @property
    def time(self) -> jax.Array:
        return self.setting.time

    @property
    def distance(self) -> jax.Array:
        """(2j + 1) h, from each ghost to the cell that it mirrors, dtype[width], shaped to broadcast."""
        j = jnp.arange(self.mirror.shape[self.axis])[:: 1 if self.side == UPPER else -1]
        distances = (2 * j + 1) * self.grid.spacing[self.axis]
        return along(self.axis, self.mirror.ndim, distances.astype(self.mirror.dtype))

    @property
    def first(self) -> jax.Array:
        """The layer of cells next to the wall, dtype[…, 1, …]."""
        depth = self.mirror.shape[self.axis]
        return self._nearest(self.mirror, 0 if self.side == UPPER else depth - 1)

    def coordinate(self, axis: int) -> jax.Array:
        """Cell centres along the wall, or along its own axis the wall's place; float64, shaped to broadcast."""
        if axis == self.axis:
            bounds: Sequence[float] = self.grid.upper if self.side == UPPER else self.grid.lower
            return jnp.full((1,) * self.mirror.ndim, bounds[axis])
        start = self.rows.start if axis == 0 and self.rows is not None else 0
        origin = self.setting.block.origin[axis] + start
        return along(axis, self.mirror.ndim, line(self.grid, axis, origin, self.mirror.shape[axis], self.rounded))

    def coefficient(self, name: str) -> jax.Array:
        """A coefficient of the equation in the cells next to the wall: dtype[…, 1, …], or a scalar."""
        c = self.setting.coefficients[name]
        if c.ndim == 0:
            return c
        nearest = self.inner + (self.mirror.shape[self.axis] - 1 if self.side == UPPER else 0)
        return layers(c, self.axis, nearest, 1, self.rows)

    def _nearest(self, array: jax.Array, index: int) -> jax.Array:
        return jax.lax.slice_in_dim(array, index, index + 1, axis=self.axis)
