"""Products that are rounded before they are added."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Rounding(NamedTuple):
    """rounded(a·b) + c = fl(fl(a·b) + c), whatever the compiler would like to make of it.

    A compiler may contract a·b + c into one operation of one rounding (FMA), and it decides by what happens to be
    compiled together: the last bit of a·b + c·d then depends on the shape of the array.  `rounded(a·b)` adds a
    negative zero that the compiler does not know to be one: x + (-0.0) is x for all x, -0.0 included, and so is
    its contraction, fma(a, b, -0.0) = fl(a·b).  It costs next to nothing: one operation is contracted after all.
    """

    zero: jax.Array

    @classmethod
    def by(cls, time: jax.Array) -> Rounding:
        """`time` is any traced number that is never NaN, of which the compiler can't know that."""
        return cls(jnp.where(jnp.isnan(time), 1.0, -0.0))

    def __call__(self, x: jax.Array, /) -> jax.Array:
        return x + self.zero.astype(x.dtype)

    def ratio(self, a: jax.Array, b: jax.Array) -> jax.Array:
        """fl(a · fl(1/b)): what XLA makes of a / b where b is broadcast or constant, but not elsewhere."""
        return self(a * (1.0 / b))
