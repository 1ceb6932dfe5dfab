"""Powers: of exponents that don't change, and those that an iteration does with, by arithmetic alone."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from solvers.rounding import Rounding


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def power(x: jax.Array, exponent: float) -> jax.Array:
    """x^p of each element: by products, and a square root, where p or 2 p is whole: to the bit the same anywhere.

    Such as T^5/2, the conductivity of a plasma.  A processor does that many elements at a time, and any other power,
    by a function of the library's, one by one.
    """
    if (twice := 2.0 * exponent) != int(twice):
        return jnp.power(x, jnp.asarray(exponent, x.dtype))
    if twice < 0:
        return 1.0 / power(x, -exponent)
    whole, half = divmod(int(twice), 2)
    product = lax.integer_pow(x, whole)
    return product if not half else jnp.sqrt(x) * product if whole else jnp.sqrt(x)


@power.defjvp
def _slope(exponent: float, at: tuple[jax.Array], change: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    """p x^(p-1), which of the root times the products would be 0/0 at 0."""
    (x,), (dx,) = at, change
    slope = jnp.zeros_like(x) if exponent == 0.0 else exponent * power(x, exponent - 1.0)
    return power(x, exponent), slope * dx


def rough_power(x: jax.Array, exponent: jax.Array | float) -> jax.Array:
    """x^p (1 + e), x > 0: by its bits, which are about its logarithm; |e| ≤ 0.07 for 0 ≤ p ≤ 1.

    Of infinite x it is some number.
    """
    integers = jnp.int32 if x.dtype == jnp.float32 else jnp.int64
    one, most = (np.asarray(value, x.dtype).view(integers) for value in (1.0, jnp.finfo(x.dtype).max))
    logarithm = (lax.bitcast_convert_type(x, integers) - one).astype(x.dtype) * jnp.asarray(exponent, x.dtype)
    within = jnp.clip(logarithm, -one.astype(x.dtype), 0.99 * (most - one).astype(x.dtype))
    return lax.bitcast_convert_type(within.astype(integers) + one, x.dtype)


def near_power(x: jax.Array, exponent: jax.Array, rounded: Rounding) -> jax.Array:
    """x^p of x near 1: (1 + (1 + p)/2 (x - 1)) / (1 + (1 - p)/2 (x - 1)), which is right to the second order."""
    away = x - 1.0
    above, below = (1.0 + rounded(0.5 * (1.0 + sign * exponent) * away) for sign in (1.0, -1.0))
    return rounded.ratio(above, below)
