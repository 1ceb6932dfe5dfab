"""One rank's part of the grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

Count: TypeAlias = int | jax.Array
"""A number of cells: known when compiling, or traced (where one program serves blocks of several sizes)."""

Values = TypeVar("Values", jax.Array, np.ndarray)


@dataclass(frozen=True)
class Block:
    """A block of `shape` interior cells inside `ghosts` layers of ghost cells, which stages use up between exchanges.

        0        g                         g + extent    g + shape   2g + shape
        |. . . . |o o o o o o o o o o o o o|. . . . . . .|. . . . . .|
         ghosts    interior                 ghosts        (unused: only where extent < shape)

    `margins`: how many layers there are on both sides of each axis, as many unless told.  Along an axis that a block
    has for itself they need not last, and may be fewer; or more, so that rows begin where vectors do.

    Where blocks of unequal size must share one shape (shard_map), `shape` is
    the largest and `extent` says, per axis, how many cells are this block's own; elsewhere both agree.
    The upper ghosts always follow the last cell that counts, so a physical edge may lie inside an array.
    `offset` is the global index of the first interior cell.
    """

    shape: tuple[int, ...]
    ghosts: int
    extent: tuple[Count, ...] = field(default=())
    offset: tuple[Count, ...] = field(default=())
    margins: tuple[int, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.extent:
            object.__setattr__(self, "extent", self.shape)
        if not self.offset:
            object.__setattr__(self, "offset", (0,) * len(self.shape))
        if not self.margins:
            object.__setattr__(self, "margins", (self.ghosts,) * len(self.shape))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def padded(self) -> bool:
        """Whether some of `shape` may be padding, known only when running."""
        return not all(isinstance(extent, int) for extent in self.extent)

    @property
    def ghosted_shape(self) -> tuple[int, ...]:
        return tuple(n + 2 * margin for n, margin in zip(self.shape, self.margins, strict=True))

    @property
    def interior(self) -> tuple[slice, ...]:
        """Index of the interior in a ghosted array, padding included."""
        return tuple(slice(margin, margin + n) for n, margin in zip(self.shape, self.margins, strict=True))

    @property
    def origin(self) -> tuple[Count, ...]:
        """Global index of the first cell of a ghosted array."""
        return tuple(start - margin for start, margin in zip(self.offset, self.margins, strict=True))

    def owned(self) -> jax.Array | bool:
        """True at the interior cells that count, False in padding: bool[shape], or plain True."""
        if not self.padded:
            return True
        mask = jnp.ones(self.shape, bool)
        for axis, (n, extent) in enumerate(zip(self.shape, self.extent, strict=True)):
            if not isinstance(extent, int):
                mask &= along(axis, self.ndim, jnp.arange(n) < extent)
        return mask


def core(u: jax.Array, width: int | Sequence[int]) -> jax.Array:
    """u without its outermost `width` layers, of each axis: where a stencil of that width has all of its neighbours."""
    widths = (width,) * u.ndim if isinstance(width, int) else width
    return u[tuple(slice(w, -w or None) for w in widths)]


def with_margin(u: jax.Array, width: int | Sequence[int]) -> jax.Array:
    """u with `width` layers of zeros around it: `core` turned round."""
    widths = (width,) * u.ndim if isinstance(width, int) else width
    return jnp.pad(u, [(w, w) for w in widths])


def along(axis: int, ndim: int, values: Values) -> Values:
    """One value a layer, shaped to broadcast along an axis."""
    return values.reshape([-1 if a == axis else 1 for a in range(ndim)])
