"""From level to level: sums over merged cells, and what is between their centres."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp


def pairs(x: jax.Array, axis: int) -> tuple[jax.Array, jax.Array]:
    """The lower and the upper of each pair of cells along an axis; an odd one's partner is zero."""
    if x.shape[axis] % 2:
        x = jnp.pad(x, [(0, int(a == axis)) for a in range(x.ndim)])
    return sliced(x, axis, slice(0, None, 2)), sliced(x, axis, slice(1, None, 2))


def pair_sums(x: jax.Array, axes: Sequence[int]) -> jax.Array:
    """Sums of the cells that are merged along some axes: dtype[…, n, …] → dtype[…, ⌈n / 2⌉, …]."""
    for axis in axes:
        lower, upper = pairs(x, axis)
        x = lower + upper
    return x


def interleaved(lower: jax.Array, upper: jax.Array, axis: int, count: int) -> jax.Array:
    """The first `count` cells of lower₀, upper₀, lower₁, … along an axis: what `pairs` takes apart."""
    shape = list(lower.shape)
    shape[axis] *= 2
    return sliced(jnp.stack([lower, upper], axis + 1).reshape(shape), axis, slice(0, count))


def sliced(x: jax.Array, axis: int, part: slice) -> jax.Array:
    """Part of one axis, and the whole of the others."""
    return x[(slice(None),) * axis + (part,)]
