"""Sums over the whole grid that do not know how it is cut."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from solvers.exchange import Exchange

_SUM_BITS = 62
# So many numbers are taken side by side: XLA vectorises what is done with arrays, and no reduction to one number.
_ABREAST = 1 << 12

Factors: TypeAlias = Sequence[jax.Array]
"""Arrays of one shape whose product, number by number, is meant, float64."""


def exact_sum(x: jax.Array, count: int, exchange: Exchange) -> jax.Array:
    """Σ x over all blocks, float64, the same bits for every decomposition and order of the blocks.

    x: a block's contribution, any float dtype and shape; `count`: how many numbers all blocks hold together.
    Each number is rounded to a fixed grid below the largest magnitude of all, twice, and the integers are
    added, which is associative: error ≤ count · 2^-(2·bits) · max|x| with bits = 62 - log2(count).
    NaN where any x is not finite.  Subnormal numbers count as XLA takes them, on CPU as zero.

    Pre-rounding after Demmel & Nguyen, Fast Reproducible Floating-Point Summation, ARITH 2013
    (doi:10.1109/ARITH.2013.9).
    """
    return exact_sums([(x,)], count, exchange)[0]


def exact_sums(products: Sequence[Factors], count: int, exchange: Exchange) -> jax.Array:
    """`exact_sum` of each of several products, float64[len(products)], for the messages of one."""
    largest = exchange.max(jnp.stack([_folded(_largest, jnp.maximum, factors) for factors in products]))
    parts = [
        _folded(functools.partial(_on_grids, count=count, largest=largest[number]), jnp.add, factors)
        for number, factors in enumerate(products)
    ]
    return rounded_sum(exchange.sum(jnp.stack(parts, 1)), count, largest)


def pre_rounded(x: jax.Array, count: int, largest: jax.Array) -> jax.Array:
    """A block's part of an exact sum: x on the coarser and on the finer grid, added as integers, int64[2].

    `largest` is the largest magnitude of all blocks' numbers, NaN or infinite where any is.
    """
    return _on_grids(x, count, largest).reshape(2, -1).sum(1)


def rounded_sum(sums: jax.Array, count: int, largest: jax.Array) -> jax.Array:
    """What all blocks' parts, int64[2, …], add up to, float64[…]."""
    bits, exponent, finite = _grid_below(largest, count)
    high, low = sums.astype(jnp.float64)
    total = _times_power_of_two(high + jnp.ldexp(low, -bits), exponent - bits)
    return jnp.where(finite, total, jnp.nan)


def _folded(
    of: Callable[[jax.Array], jax.Array], join: Callable[[jax.Array, jax.Array], jax.Array], factors: Factors
) -> jax.Array:
    """What `of` makes of each number, [*some, n], joined over all n: [*some]."""
    flat = [x.reshape(-1) for x in factors]
    turns = flat[0].size // _ABREAST

    def product(start: jax.Array | int, count: int) -> jax.Array:
        parts = [lax.dynamic_slice_in_dim(x, start, count).astype(jnp.float64) for x in flat]
        return of(functools.reduce(jnp.multiply, parts))

    def turn(i: jax.Array, joined: jax.Array) -> jax.Array:
        return join(joined, product(i * _ABREAST, _ABREAST))

    def reduced(values: jax.Array) -> jax.Array:
        return values.max(-1, initial=0.0) if join is jnp.maximum else values.sum(-1)

    rest = reduced(product(turns * _ABREAST, flat[0].size - turns * _ABREAST))
    if turns == 0:
        return rest
    return join(reduced(lax.fori_loop(1, turns, turn, product(0, _ABREAST))), rest)


def _largest(x: jax.Array) -> jax.Array:
    """Magnitudes.  A NaN counts as infinite: that takes one reduction, and the sum is NaN for either."""
    return jnp.where(jnp.isnan(x), jnp.inf, jnp.abs(x))


def _on_grids(x: jax.Array, count: int, largest: jax.Array) -> jax.Array:
    """x on the coarser and on the finer grid, int64[2, …]."""
    bits, exponent, finite = _grid_below(largest, count)
    scaled = _times_power_of_two(jnp.where(finite, x, 0.0), bits - exponent)
    high = jnp.round(scaled)
    low = jnp.round((scaled - high) * 2.0**bits)
    return jnp.stack([high, low]).astype(jnp.int64)


def _grid_below(largest: jax.Array, count: int) -> tuple[int, jax.Array, jax.Array]:
    """Bits of each grid, the exponent of the largest number, and whether that is finite."""
    finite = jnp.isfinite(largest)
    _, exponent = jnp.frexp(jnp.where(finite, largest, 0.0))
    return _SUM_BITS - max(1, count - 1).bit_length(), exponent, finite


def _times_power_of_two(x: jax.Array, exponent: jax.Array) -> jax.Array:
    """x · 2^exponent in two factors, as one alone may be beyond the numbers that x · 2^exponent is within."""
    half = exponent // 2
    # Of numbers, not of arrays: XLA's ldexp of each x takes ten times as long as the products.
    first, second = jnp.ldexp(1.0, half), jnp.ldexp(1.0, exponent - half)
    return (x * first) * second


def maximum(x: jax.Array, exchange: Exchange) -> jax.Array:
    """max x over all blocks, float64; NaN where any x is, -inf of nothing at all, 0.0 where it is a zero."""
    x = x.astype(jnp.float64)
    # Whether the maximum of a NaN and a number is NaN depends on who computes it.
    nans = jnp.max(jnp.isnan(x), initial=False).astype(jnp.int32)
    numbers = jnp.max(jnp.where(jnp.isnan(x), -jnp.inf, x), initial=-jnp.inf)
    broken, largest = exchange.max(nans) > 0, exchange.max(numbers)
    return unsigned_zero(jnp.where(broken, jnp.nan, largest))


def minimum(x: jax.Array, exchange: Exchange) -> jax.Array:
    """min x over all blocks, float64; NaN where any x is, inf of nothing at all, 0.0 where it is a zero."""
    return unsigned_zero(-maximum(-x, exchange))


def unsigned_zero(x: jax.Array) -> jax.Array:
    """x, or 0.0 for -0.0: which of the two is the larger one depends on who computes it."""
    return jnp.where(x == 0.0, 0.0, x)
