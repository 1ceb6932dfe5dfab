"""Fields of noise that do not know how the grid is cut."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax

from solvers.block import Block
from solvers.fields import Fields


def noise(like: Fields, block: Block, shape: Sequence[int], seed: int) -> Fields:
    """±½ or anything between, by a hash of each cell's global index: dtype[block.shape] for each field.

    The hash is the finaliser of MurmurHash3 (Appleby), 32 bits.
    """
    index = jnp.zeros(block.shape, jnp.uint32)
    for axis, n in enumerate(shape):
        here = (block.offset[axis] + lax.broadcasted_iota(jnp.int32, block.shape, axis)).astype(jnp.uint32)
        index = index * jnp.uint32(n) + here
    found = {}
    for number, (name, u) in enumerate(like.items()):
        bits = index + jnp.uint32(0x9E3779B9 * (8 * seed + number + 1) % 2**32)
        for factor, shift in ((0x85EBCA6B, 16), (0xC2B2AE35, 13)):
            bits = (bits ^ (bits >> shift)) * jnp.uint32(factor)
        bits = bits ^ (bits >> 16)
        found[name] = (bits >> 8).astype(u.dtype) * 2.0**-24 - 0.5
    return found
