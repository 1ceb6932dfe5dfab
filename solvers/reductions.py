"""Sums over the whole grid that do not know how it is cut."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from solvers.exchange import Exchange

_SUM_BITS = 62


def exact_sum(x: jax.Array, count: int, exchange: Exchange) -> jax.Array:
    """Σ x over all blocks, float64, the same bits for every decomposition and order of the blocks.

    x: a block's contribution, any float dtype and shape; `count`: how many numbers all blocks hold together.
    Each number is rounded to a fixed grid below the largest magnitude of all, twice, and the integers are
    added, which is associative: error ≤ count · 2^-(2·bits) · max|x| with bits = 62 - log2(count).
    NaN where any x is not finite.  Subnormal numbers count as XLA takes them, on CPU as zero.

    Pre-rounding after Demmel & Nguyen, Fast Reproducible Floating-Point Summation, ARITH 2013
    (doi:10.1109/ARITH.2013.9).
    """
    return exact_sums([x], count, exchange)[0]


def exact_sums(xs: Sequence[jax.Array], count: int, exchange: Exchange) -> jax.Array:
    """`exact_sum` of each of several arrays, float64[len(xs)], for the messages of one."""
    bits = _SUM_BITS - max(1, count - 1).bit_length()
    xs = [x.astype(jnp.float64) for x in xs]
    largest = jnp.maximum(_maxima([jnp.abs(x) for x in xs], exchange), 0.0)
    finite = jnp.isfinite(largest)
    _, exponents = jnp.frexp(jnp.where(finite, largest, 0.0))
    parts = []
    for number, x in enumerate(xs):
        scaled = _times_power_of_two(jnp.where(finite[number], x, 0.0), bits - exponents[number])
        high = jnp.round(scaled)
        low = jnp.round(jnp.ldexp(scaled - high, bits))
        parts.append(jnp.stack([part.astype(jnp.int64).sum() for part in (high, low)]))
    high, low = exchange.sum(jnp.stack(parts, 1)).astype(jnp.float64)
    total = _times_power_of_two(high + jnp.ldexp(low, -bits), exponents - bits)
    return jnp.where(finite, total, jnp.nan)


def _times_power_of_two(x: jax.Array, exponent: jax.Array) -> jax.Array:
    """x · 2^exponent in two factors, as one alone may be beyond the numbers that x · 2^exponent is within."""
    half = exponent // 2
    return jnp.ldexp(jnp.ldexp(x, half), exponent - half)


def maximum(x: jax.Array, exchange: Exchange) -> jax.Array:
    """max x over all blocks, float64; NaN where any x is, -inf of nothing at all."""
    return _maxima([x], exchange)[0]


def _maxima(xs: Sequence[jax.Array], exchange: Exchange) -> jax.Array:
    xs = [x.astype(jnp.float64) for x in xs]
    # Whether the maximum of a NaN and a number is NaN depends on who computes it.
    nans = jnp.stack([jnp.max(jnp.isnan(x), initial=False).astype(jnp.int32) for x in xs])
    numbers = jnp.stack([jnp.max(jnp.where(jnp.isnan(x), -jnp.inf, x), initial=-jnp.inf) for x in xs])
    broken, largest = exchange.max(nans) > 0, exchange.max(numbers)
    return jnp.where(broken, jnp.nan, largest)


def count_nonfinite(u: jax.Array, owned: jax.Array | bool, exchange: Exchange) -> jax.Array:
    """Number of cells over all blocks that are NaN or infinite, int64."""
    return exchange.sum(jnp.sum(jnp.where(owned, ~jnp.isfinite(u), False), dtype=jnp.int64))


def measure(u: jax.Array, owned: jax.Array | bool, count: int, exchange: Exchange) -> dict[str, jax.Array]:
    """min, max and mean (float64) of a field's interior over all blocks, which hold `count` cells."""
    value = u.astype(jnp.float64)
    return {
        "min": -maximum(jnp.where(owned, -value, -jnp.inf), exchange),
        "max": maximum(jnp.where(owned, value, -jnp.inf), exchange),
        "mean": exact_sum(jnp.where(owned, value, 0.0), count, exchange) / count,
    }


def norms(
    u: jax.Array, exact: jax.Array, owned: jax.Array | bool, count: int, exchange: Exchange
) -> dict[str, jax.Array]:
    """Root mean square and largest magnitude of u - exact over all blocks, float64."""
    error = jnp.where(owned, jnp.abs(u.astype(jnp.float64) - exact.astype(jnp.float64)), 0.0)
    return {
        "l2": jnp.sqrt(exact_sum(error * error, count, exchange) / count),
        "max": maximum(error, exchange),
    }
