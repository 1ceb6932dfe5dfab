"""What the numerics ask of the other blocks, and the answers of a block that is alone."""

from __future__ import annotations

from typing import Protocol

import jax
import jax.numpy as jnp
from jax import lax

LOWER, UPPER = -1, +1


class Exchange(Protocol):
    """How one block speaks with the others.  Called inside a trace, by every block alike.

    The blocks along an axis form a full ring: the last one's upper neighbour is the first.  Transports know
    nothing of boundary conditions; a physical boundary overwrites the ghosts afterwards, where `at_edge`.
    """

    def shift(self, strip: jax.Array, axis: int, step: int) -> jax.Array:
        """Send `strip` to the block `step` (±1) further along `axis`; return what arrives from the other side.

        On an axis with a single block this is the identity.
        """
        ...

    def at_edge(self, axis: int, side: int) -> bool | jax.Array:
        """Whether this block touches the grid's LOWER or UPPER edge of an axis; a bool, or a traced bool."""
        ...

    def sum(self, x: jax.Array) -> jax.Array:
        """Elementwise sum of x over all blocks, the same everywhere.  To the bit only for integers."""
        ...

    def max(self, x: jax.Array) -> jax.Array:
        """Elementwise maximum of x over all blocks, the same everywhere."""
        ...


def touches_both(exchange: Exchange, axis: int) -> bool:
    """Whether a block has an axis of the grid for itself, as far as is known when compiling."""
    return all(exchange.at_edge(axis, side) is True for side in (LOWER, UPPER))


def as_integers(x: jax.Array) -> jax.Array:
    """The bits of floats, to be added to zeros: in floating point -0.0 + 0.0 is 0.0, and a NaN may lose its payload."""
    return lax.bitcast_convert_type(x, {2: jnp.uint16, 4: jnp.uint32, 8: jnp.uint64}[x.dtype.itemsize])


class Alone:
    """The exchange of a block that is the whole grid: every ring has one member."""

    def shift(self, strip: jax.Array, axis: int, step: int) -> jax.Array:
        return strip

    def at_edge(self, axis: int, side: int) -> bool:
        return True

    def sum(self, x: jax.Array) -> jax.Array:
        return x

    def max(self, x: jax.Array) -> jax.Array:
        return x
