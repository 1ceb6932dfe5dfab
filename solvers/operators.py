"""Differential operators: constant ones as stencil weights, the others as functions of ghosted blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from solvers.rounding import Rounding

Mean: TypeAlias = Literal["arithmetic", "harmonic"]


def laplacian(spacing: Sequence[float]) -> np.ndarray:
    """∇²u ≈ Σ_axis (u_{i-1} - 2 u_i + u_{i+1}) / h²: second-order central weights, float64[3, …]."""
    ndim = len(spacing)
    weights = np.zeros((3,) * ndim)
    for axis, h in enumerate(spacing):
        for offset, factor in ((0, 1.0), (1, -2.0), (2, 1.0)):
            index = [1] * ndim
            index[axis] = offset
            weights[tuple(index)] += factor / h**2
    return weights


def divergence_of_flux(
    k: jax.Array, u: jax.Array, spacing: Sequence[float], mean: Mean, rounded: Rounding
) -> jax.Array:
    """∇·(k∇u) ≈ Σ_axis (k_{i+½} (u_{i+1} - u_i) - k_{i-½} (u_i - u_{i-1})) / h²: dtype[m, …] → dtype[m - 2, …].

    Second order.  Conservative: what leaves a cell through a face arrives in the next one.  The face's k is the
    arithmetic mean of its cells', or the harmonic one, which is right where k jumps (Patankar, Numerical Heat
    Transfer and Fluid Flow, 1980, section 4.2-3).
    """
    centre = neighbour(u, 0, 0), neighbour(k, 0, 0)
    total = None
    for axis, h in enumerate(spacing):
        lower, upper = (_flux(k, u, centre, axis, step, mean, rounded) for step in (-1, 1))
        weight = (0.5 if mean == "arithmetic" else 2.0) / h**2
        balance = rounded(jnp.asarray(weight, u.dtype) * (rounded(upper) + rounded(lower)))
        total = balance if total is None else total + balance
    assert total is not None
    return total


def neighbour(u: jax.Array, axis: int, step: int, width: int = 1) -> jax.Array:
    """u_{i+step} for the cells i that have `width` neighbours on every side: a view of dtype[m - 2·width, …]."""
    shifts = [step if a == axis else 0 for a in range(u.ndim)]
    return u[tuple(slice(width + s, n - width + s) for s, n in zip(shifts, u.shape, strict=True))]


def _flux(
    k: jax.Array, u: jax.Array, centre: tuple[jax.Array, jax.Array], axis: int, step: int, mean: Mean, rounded: Rounding
) -> jax.Array:
    """What flows in from the neighbour, but for a factor: k's mean times the difference of u."""
    (here, k_here), k_there = centre, neighbour(k, axis, step)
    if mean == "arithmetic":
        return (k_here + k_there) * (neighbour(u, axis, step) - here)
    # Where both are zero nothing flows.
    least = jnp.asarray(jnp.finfo(u.dtype).tiny, u.dtype)
    mean_of_both = rounded.ratio(k_here * k_there, jnp.maximum(k_here + k_there, least))
    return mean_of_both * (neighbour(u, axis, step) - here)
