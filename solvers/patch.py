"""What a local update sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp

from solvers.block import Count, along, core
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.once import once
from solvers.rounding import Rounding

# Bytes of such values, of which a step keeps a few: they stay in a core's cache.
_CACHED = 1 << 22


@dataclass(frozen=True)
class Patch:
    """Some cells of the grid with their ghosts: a whole block, or a slab of one; where they are, and when.

    fields: dtype[m, …], all of one shape.  coefficients: arrays of that shape, or scalars.  time: float64.
    origin: the global index of the first cell, ghosts included, along each axis.  made: what was made of coefficients
    before (`solvers.made`), where that is kept.  holds: whether values that several neighbours read may be stored
    instead of being computed anew for each of them (`held`).
    """

    fields: Fields
    coefficients: Fields
    time: jax.Array
    origin: Sequence[Count]
    grid: Grid
    rounded: Rounding
    made: dict[str, jax.Array] | None = None
    holds: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return next(iter(self.fields.values())).shape

    @property
    def dtype(self) -> jnp.dtype:
        return next(iter(self.fields.values())).dtype

    def coefficient(self, name: str, width: int) -> jax.Array:
        """A coefficient in the cells that have `width` neighbours: dtype[m - 2·width, …], or a scalar."""
        c = self.coefficients[name]
        return core(c, width) if c.ndim else c

    def of_coefficients(self, name: str, make: Callable[[], jax.Array]) -> jax.Array:
        """What `make` makes of coefficients and place alone, known by that name; in tiles once for all their stages."""
        if self.made is None:
            return make()
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]

    def held(self, values: jax.Array) -> jax.Array:
        """The values, computed once a cell where they may be kept; XLA would for each neighbour that looks at them."""
        if not self.holds or values.nbytes > _CACHED or jax.default_backend() != "cpu":
            return values
        # What a loop carries is in memory.  This one never turns, but that is known only when it runs.
        return once(self.rounded.zero > 0, jnp.negative, values)

    def centres(self, axis: int, mirrored: bool = False) -> jax.Array:
        """Cell centres along an axis, float64, shaped to broadcast: `Grid.centres`, to the bit.

        mirrored: beyond walls those of the cells that ghosts mirror.
        """
        centres = line(self.grid, axis, self.origin[axis], self.shape[axis], self.rounded, mirrored)
        return along(axis, len(self.shape), centres)

    def coordinate(self, axis: int, mirrored: bool = False) -> jax.Array:
        """The same in the fields' dtype."""
        return self.centres(axis, mirrored).astype(self.dtype)

    def inner(self, width: int | Sequence[int], fields: Fields, time: jax.Array) -> Patch:
        """The patch without its outermost `width` layers, of each axis, with these fields there, at this time."""
        widths = (width,) * len(self.shape) if isinstance(width, int) else width
        coefficients = {name: core(c, widths) if c.ndim else c for name, c in self.coefficients.items()}
        origin = tuple(start + w for start, w in zip(self.origin, widths, strict=True))
        return replace(self, fields=fields, coefficients=coefficients, origin=origin, time=time, made=None)


def line(grid: Grid, axis: int, start: Count, count: int, rounded: Rounding, mirrored: bool = False) -> jax.Array:
    """Centres of `count` cells from a (traced) global index on, float64[count]: `Grid.centres`, to the bit."""
    index, cells = start + jnp.arange(count), grid.shape[axis]
    if grid.periodic[axis]:
        index = index % cells
    elif mirrored:
        index = jnp.maximum(index, -1 - index)
        index = jnp.minimum(index, 2 * cells - 1 - index)
    return grid.lower[axis] + rounded((index.astype(jnp.float64) + 0.5) * grid.spacing[axis])
