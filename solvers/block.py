"""One rank's part of the grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

Count: TypeAlias = int | jax.Array
"""A number of cells: known when compiling, or traced (where one program serves blocks of several sizes)."""


@dataclass(frozen=True)
class Block:
    """A block of `shape` interior cells inside `ghosts` layers of ghost cells on every side.

        0        g                         g + extent    g + shape   2g + shape
        |. . . . |o o o o o o o o o o o o o|. . . . . . .|. . . . . .|
         ghosts    interior                 ghosts        (unused: only where extent < shape)

    One depth serves all sides.  Where blocks of unequal size must share one shape (shard_map), `shape` is
    the largest and `extent` says, per axis, how many cells are this block's own; elsewhere both agree.
    The upper ghosts always follow the last cell that counts, so a physical edge may lie inside an array.
    `offset` is the global index of the first interior cell.
    """

    shape: tuple[int, ...]
    ghosts: int
    extent: tuple[Count, ...] = field(default=())
    offset: tuple[Count, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.extent:
            object.__setattr__(self, "extent", self.shape)
        if not self.offset:
            object.__setattr__(self, "offset", (0,) * len(self.shape))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def padded(self) -> bool:
        """Whether some of `shape` may be padding, known only when running."""
        return not all(isinstance(extent, int) for extent in self.extent)

    @property
    def ghosted_shape(self) -> tuple[int, ...]:
        return tuple(n + 2 * self.ghosts for n in self.shape)

    @property
    def interior(self) -> tuple[slice, ...]:
        """Index of the interior in a ghosted array, padding included."""
        return tuple(slice(self.ghosts, self.ghosts + n) for n in self.shape)

    @property
    def origin(self) -> tuple[Count, ...]:
        """Global index of the first cell of a ghosted array."""
        return tuple(start - self.ghosts for start in self.offset)

    def owned(self) -> jax.Array | bool:
        """True at the interior cells that count, False in padding: bool[shape], or plain True."""
        if not self.padded:
            return True
        mask = jnp.ones(self.shape, bool)
        for axis, (n, extent) in enumerate(zip(self.shape, self.extent, strict=True)):
            if not isinstance(extent, int):
                inside = jnp.arange(n) < extent
                mask &= inside.reshape([-1 if a == axis else 1 for a in range(self.ndim)])
        return mask


class Layers(NamedTuple):
    """`depth` layers of the first axis, from `start` on."""

    start: Count
    depth: int


def layers(u: jax.Array, axis: int, start: Count, depth: int, rows: Layers | None = None) -> jax.Array:
    """The `depth` layers of u from `start` on along an axis: of the other axes all, of the first one `rows`."""
    if rows is None:
        return lax.dynamic_slice_in_dim(u, start, depth, axis)
    sizes = [rows.depth, *u.shape[1:]]
    sizes[axis] = depth
    return lax.dynamic_slice(u, _corner(u, axis, start, rows), sizes)


def with_layers(u: jax.Array, axis: int, start: Count, strip: jax.Array, rows: Layers | None = None) -> jax.Array:
    """u with the layers from `start` on replaced by `strip`."""
    if rows is not None:
        return lax.dynamic_update_slice(u, strip, _corner(u, axis, start, rows))
    if isinstance(start, int):
        index = [slice(None)] * u.ndim
        index[axis] = slice(start, start + strip.shape[axis])
        return u.at[tuple(index)].set(strip)
    return lax.dynamic_update_slice_in_dim(u, strip, start, axis)


def with_core_layers(u: jax.Array, width: int, rows: Layers, values: jax.Array) -> jax.Array:
    """u with some layers of the first axis replaced, but for the outermost `width` cells along the others."""
    corner = [rows.start] + [width] * (u.ndim - 1)
    return lax.dynamic_update_slice(u, values, [jnp.asarray(index, jnp.int32) for index in corner])


def _corner(u: jax.Array, axis: int, start: Count, rows: Layers) -> list[jax.Array]:
    corner: list[Count] = [rows.start] + [0] * (u.ndim - 1)
    corner[axis] = start
    return [jnp.asarray(index, jnp.int32) for index in corner]


def core(u: jax.Array, width: int) -> jax.Array:
    """u without its outermost `width` layers: where a stencil of that width has all of its neighbours."""
    return u[core_index(u.ndim, width)]


def core_index(ndim: int, width: int) -> tuple[slice, ...]:
    return (slice(width, -width or None),) * ndim
