"""One wall, as a boundary condition sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from solvers.block import Block, Count, along
from solvers.exchange import UPPER, Exchange
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.patch import Patch, line
from solvers.rounding import Rounding
from solvers.window import Window


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
    """`near` holds the interior cells next to a wall in the order of the ghosts that mirror them.

    near: dtype[…, depth, …], the wall's axis being `axis`, depth ≥ width, the number of ghosts; of the other axes
    what is in the window.  coefficients: of those that vary the same cells, in array order.  `inner` is where they
    begin along the wall's axis.
    """

    near: jax.Array
    coefficients: Fields
    axis: int
    side: int
    width: int
    inner: Count
    window: Window
    grid: Grid
    setting: Setting

    @property
    def rounded(self) -> Rounding:
        return self.setting.rounded

    @property
    def time(self) -> jax.Array:
        return self.setting.time

    @property
    def mirror(self) -> jax.Array:
        """The cells that the ghosts mirror, dtype[…, width, …]."""
        first = 0 if self.side == UPPER else self._depth - self.width
        return lax.slice_in_dim(self.near, first, first + self.width, axis=self.axis)

    @property
    def number(self) -> np.ndarray:
        """j, from 0 at the wall outwards, int[width], shaped to broadcast over the ghosts."""
        return along(self.axis, self.near.ndim, np.arange(self.width)[:: 1 if self.side == UPPER else -1])

    @property
    def distance(self) -> np.ndarray:
        """(2j + 1) h, from each ghost to the cell that it mirrors, dtype[width], shaped to broadcast.

        Known when compiling; so is its inverse, which XLA might otherwise make of a division, or might not.
        """
        return ((2 * self.number + 1) * self.grid.spacing[self.axis]).astype(self.near.dtype)

    def layer(self, number: int) -> jax.Array:
        """The layer of cells `number` away from the wall, dtype[…, 1, …]."""
        index = number if self.side == UPPER else self._depth - 1 - number
        return lax.slice_in_dim(self.near, index, index + 1, axis=self.axis)

    def slope(self, axis: int) -> jax.Array:
        """∂u/∂s along the wall in the cells next to it, dtype[…, 1, …], one-sided next to walls of that axis.

        The first and the last of all are not right where others lie beyond them.
        """
        u, h, count = self.layer(0), self.grid.spacing[axis], self.grid.shape[axis]
        steps = jnp.diff(u, axis=axis)
        first, last = (lax.slice_in_dim(steps, i, i + 1, axis=axis) for i in (0, steps.shape[axis] - 1))
        below, above = (jnp.concatenate(parts, axis=axis) for parts in ((first, steps), (steps, last)))
        if count == 1:
            return jnp.zeros_like(u)
        if not self.grid.periodic[axis]:
            origin = self.setting.block.origin[axis] + self.window.start(axis)
            index = along(axis, u.ndim, origin + jnp.arange(u.shape[axis]))
            below, above = jnp.where(index <= 0, above, below), jnp.where(index >= count - 1, below, above)
        return self.rounded(jnp.asarray(0.5 / h, u.dtype) * (below + above))

    def coordinate(self, axis: int) -> jax.Array:
        """Cell centres along the wall, or along its own axis the wall's place; float64, shaped to broadcast."""
        if axis == self.axis:
            bounds: Sequence[float] = self.grid.upper if self.side == UPPER else self.grid.lower
            return jnp.full((1,) * self.near.ndim, bounds[axis])
        origin = self.setting.block.origin[axis] + self.window.start(axis)
        centres = line(self.grid, axis, origin, self.near.shape[axis], self.rounded)
        return along(axis, self.near.ndim, centres)

    def continued(self, value: Callable[[Sequence[jax.Array]], jax.Array], along_axes: Sequence[int]) -> jax.Array:
        """value(coordinates) along the wall; ghosts beyond the wall's ends are extrapolated from its last two cells.

        A formula such as sqrt(y) may have no value there.  along_axes: those that it may depend on.
        """
        places = [self.coordinate(axis) for axis in range(self.near.ndim)]
        ending = [n != self.axis and not self.grid.periodic[n] and self.grid.shape[n] > 1 for n in range(len(places))]
        return self._continued(value, places, [axis for axis in along_axes if ending[axis]])

    def coefficient(self, name: str) -> jax.Array:
        """A coefficient of the equation in the cells next to the wall: dtype[…, 1, …], or a scalar."""
        c = self.coefficients[name]
        nearest = self._depth - 1 if self.side == UPPER else 0
        return lax.slice_in_dim(c, nearest, nearest + 1, axis=self.axis) if c.ndim else c

    def patch(self, fields: Fields, outside: bool) -> Patch:
        """These fields as a patch, in array order, of the ghosts (`outside`) or of the cells that they mirror.

        Either way coefficients are those of the cells: beyond walls they are what they are on this side.
        """
        mirrored = self._depth - self.width if self.side == UPPER else 0
        ghosts = self._depth if self.side == UPPER else -self.width

        def part(c: jax.Array) -> jax.Array:
            found = lax.slice_in_dim(c, mirrored, mirrored + self.width, axis=self.axis) if c.ndim else c
            return jnp.flip(found, self.axis) if c.ndim and outside else found

        origin = [start + self.window.start(axis) for axis, start in enumerate(self.setting.block.origin)]
        origin[self.axis] = self.setting.block.origin[self.axis] + self.inner + (ghosts if outside else mirrored)
        coefficients = {name: part(c) for name, c in self.coefficients.items()}
        return Patch(fields, coefficients, self.time, tuple(origin), self.grid, self.rounded)

    def _continued(
        self,
        value: Callable[[Sequence[jax.Array]], jax.Array],
        places: Sequence[jax.Array],
        ending: Sequence[int],
    ) -> jax.Array:
        """The value at these places, with ends along those axes."""
        if not ending:
            return value(places)
        axis, *others = ending
        ndim, count = self.near.ndim, self.grid.shape[axis]

        def at(place: jax.Array) -> jax.Array:
            return self._continued(value, [*places[:axis], place, *places[axis + 1 :]], others)

        found = at(places[axis])
        origin = self.setting.block.origin[axis] + self.window.start(axis)
        index = along(axis, ndim, origin + jnp.arange(self.near.shape[axis]))
        for start, last, beyond in ((0, 0, -index), (count - 2, 1, index - (count - 1))):
            pair = at(along(axis, ndim, line(self.grid, axis, start, 2, self.rounded)))
            end, inner = (lax.slice_in_dim(pair, i, i + 1, axis=axis) for i in (last, 1 - last))
            goes_on = end + self.rounded(beyond.astype(pair.dtype) * (end - inner))
            found = jnp.where(beyond > 0, goes_on, found)
        return found

    @property
    def _depth(self) -> int:
        return self.near.shape[self.axis]
