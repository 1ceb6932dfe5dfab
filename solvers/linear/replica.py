"""Levels too coarse to be spread over blocks: whole on each."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import Block
from solvers.exchange import Exchange, as_integers


def whole(x: jax.Array, block: Block, shape: Sequence[int], exchange: Exchange) -> jax.Array:
    """All blocks' cells put together, the same on each: dtype[block.shape] → dtype[shape].

    Each writes its own into zeros, and these are added.
    """
    bits = as_integers(jnp.where(block.owned(), x, 0.0))
    # With room for what pads a block at the grid's end.
    room = jnp.zeros([n + m for n, m in zip(shape, block.shape, strict=True)], bits.dtype)
    mine = lax.dynamic_update_slice(room, bits, _corner(block))[tuple(slice(0, n) for n in shape)]
    return lax.bitcast_convert_type(exchange.sum(mine), x.dtype)


def part(u: jax.Array, block: Block) -> jax.Array:
    """A block's part of a filled field of all cells, ghosts included."""
    padded = jnp.pad(u, [(0, n) for n in block.shape])
    return lax.dynamic_slice(padded, _corner(block), block.ghosted_shape)


def _corner(block: Block) -> list[jax.Array]:
    return [jnp.asarray(start, jnp.int32) for start in block.offset]
