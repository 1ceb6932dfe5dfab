"""One rank's part of the grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import jax
import jax.numpy as jnp

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


def core(u: jax.Array, width: int) -> jax.Array:
    """u without its outermost `width` layers: where a stencil of that width has all of its neighbours."""
    return u[core_index(u.ndim, width)]


def core_index(ndim: int, width: int) -> tuple[slice, ...]:
    return (slice(width, -width or None),) * ndim
