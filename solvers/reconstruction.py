"""From cells to faces: what is transported through them, and what the balance is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp

from solvers.operators import half_harmonic
from solvers.rounding import Rounding

FluxScheme: TypeAlias = Literal["upwind", "central", "limited"]
"""upwind: first order, monotone.  central: second order, oscillates where the cells are coarse.  limited: second
order where the field is smooth, no new extrema for Courant numbers to ½."""

FaceFlux: TypeAlias = Callable[[jax.Array, jax.Array], jax.Array]
"""(u on the lower side, u on the upper side) of the faces → what flows upwards."""


def width_of(scheme: FluxScheme) -> int:
    """Ghost layers that a balance of such fluxes consumes."""
    return 2 if scheme == "limited" else 1


def faces(u: jax.Array, axis: int, width: int, scheme: FluxScheme, rounded: Rounding) -> tuple[jax.Array, jax.Array]:
    """u on both sides of the faces of the cells that have `width` neighbours: dtype[…, n + 1, …] along the axis.

    limited: linear in each cell, with van Leer's slope 2ab/(a + b) of the differences to both sides, 0 at an extremum
    (Towards the ultimate conservative difference scheme II, doi:10.1016/0021-9991(74)90019-9).  central: the mean, on
    both sides.
    """
    lower, upper = _shifted(u, axis, width, -1), _shifted(u, axis, width, 0)
    if scheme == "upwind":
        return lower, upper
    if scheme == "central":
        mean = 0.5 * (lower + upper)
        return mean, mean
    below, between, above = lower - _shifted(u, axis, width, -2), upper - lower, _shifted(u, axis, width, 1) - upper
    return (
        lower + rounded(_half_slope(below, between, rounded)),
        upper - rounded(_half_slope(between, above, rounded)),
    )


def balance(
    u: jax.Array, axis: int, width: int, h: float, scheme: FluxScheme, rounded: Rounding, flux: FaceFlux
) -> jax.Array:
    """-∂F/∂x in the cells that have `width` neighbours: what leaves one through a face arrives in the next."""
    through = rounded(flux(*faces(u, axis, width, scheme, rounded)))
    n = through.shape[axis] - 1
    lower, upper = (jax.lax.slice_in_dim(through, start, start + n, axis=axis) for start in (0, 1))
    return jnp.asarray(1.0 / h, u.dtype) * (lower - upper)


def at_faces(c: jax.Array, axis: int, width: int) -> jax.Array:
    """The arithmetic mean of a coefficient at the same faces; a scalar as it is."""
    return c if c.ndim == 0 else 0.5 * (_shifted(c, axis, width, -1) + _shifted(c, axis, width, 0))


def _half_slope(a: jax.Array, b: jax.Array, rounded: Rounding) -> jax.Array:
    """ab/(a + b), where both have one sign, of numbers as large or small as there are."""
    upwards = jnp.minimum(a, b) > 0
    size = half_harmonic(jnp.abs(a), jnp.abs(b), rounded)
    return jnp.where(upwards, size, jnp.where(jnp.maximum(a, b) < 0, -size, 0.0))


def _shifted(u: jax.Array, axis: int, width: int, by: int) -> jax.Array:
    """The cells on the upper side of the faces, or those `by` further up."""
    index = [slice(width, n - width) for n in u.shape]
    index[axis] = slice(width + by, u.shape[axis] - width + by + 1)
    return u[tuple(index)]
