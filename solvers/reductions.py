"""Sums over the whole grid that do not know how it is cut."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from solvers.exchange import Exchange

_SUM_BITS = 62


def exact_sum(x: jax.Array, count: int, exchange: Exchange) -> jax.Array:
    """Σ x over all blocks, float64, the same bits for every decomposition and order of the blocks.

    x: a block's contribution, any float dtype and shape; `count`: how many numbers all blocks hold together.
    Each number is rounded to a fixed grid below the largest magnitude of all, twice, and the integers are
    added, which is associative: error ≤ count · 2^-(2·bits) · max|x| with bits = 62 - log2(count).
    Not finite where any x is not.

    Pre-rounding after Demmel & Nguyen, Fast Reproducible Floating-Point Summation, ARITH 2013
    (doi:10.1109/ARITH.2013.9).
    """
    x = x.astype(jnp.float64)
    bits = _SUM_BITS - max(1, count - 1).bit_length()
    largest = exchange.max(jnp.max(jnp.abs(x), initial=0.0))
    finite = jnp.isfinite(largest)
    _, exponent = jnp.frexp(jnp.where(finite, largest, 0.0))
    # Powers of two, so that scaling is exact; held to the range of normal numbers.
    shift = jnp.clip(bits - exponent, -1000, 1000)
    high = jnp.round(jnp.ldexp(x, shift))
    low = jnp.round(jnp.ldexp(x - jnp.ldexp(high, -shift), jnp.minimum(shift + bits, 1000)))
    zero = jnp.zeros((), jnp.int64)
    parts = jnp.stack([jnp.where(finite, part, zero).astype(jnp.int64).sum() for part in (high, low)])
    sums = exchange.sum(parts).astype(jnp.float64)
    total = jnp.ldexp(sums[0] + jnp.ldexp(sums[1], -bits), -shift)
    return jnp.where(finite, total, largest + jnp.nan)


def count_nonfinite(u: jax.Array, owned: jax.Array | bool, exchange: Exchange) -> jax.Array:
    """Number of cells over all blocks that are NaN or infinite, int64."""
    return exchange.sum(jnp.sum(jnp.where(owned, ~jnp.isfinite(u), False), dtype=jnp.int64))


def measure(u: jax.Array, owned: jax.Array | bool, count: int, exchange: Exchange) -> dict[str, jax.Array]:
    """min, max and mean (float64) of a field's interior over all blocks, which hold `count` cells."""
    value = u.astype(jnp.float64)
    smallest = jnp.max(jnp.where(owned, -value, -jnp.inf))
    largest = jnp.max(jnp.where(owned, value, -jnp.inf))
    return {
        "min": -exchange.max(smallest),
        "max": exchange.max(largest),
        "mean": exact_sum(jnp.where(owned, value, 0.0), count, exchange) / count,
    }


def norms(
    u: jax.Array, exact: jax.Array, owned: jax.Array | bool, count: int, exchange: Exchange
) -> dict[str, jax.Array]:
    """Root mean square and largest magnitude of u - exact over all blocks, float64."""
    error = jnp.where(owned, jnp.abs(u.astype(jnp.float64) - exact.astype(jnp.float64)), 0.0)
    return {
        "l2": jnp.sqrt(exact_sum(error * error, count, exchange) / count),
        "max": exchange.max(jnp.max(error)),
    }
