"""Powers whose exponents don't change."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jax import lax


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
