"""Differential operators: constant ones as stencil weights, the others as functions of ghosted blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from solvers.rounding import Rounding

Mean: TypeAlias = Literal["arithmetic", "harmonic"]


Order: TypeAlias = Literal[2, 4]
"""Of accuracy in space."""

# Central differences by (derivative, order), in units of h^-derivative; Fornberg, Generation of finite difference
# formulas on arbitrarily spaced grids (doi:10.1090/S0025-5718-1988-0935077-0), table 1.
_CENTRAL: Mapping[tuple[int, int], tuple[float, ...]] = {
    (1, 2): (-1 / 2, 0.0, 1 / 2),
    (2, 2): (1.0, -2.0, 1.0),
    (1, 4): (1 / 12, -2 / 3, 0.0, 2 / 3, -1 / 12),
    (2, 4): (-1 / 12, 4 / 3, -5 / 2, 4 / 3, -1 / 12),
}


def derivative(spacing: Sequence[float], axis: int, times: Literal[1, 2], order: Order = 2) -> np.ndarray:
    """∂u/∂x or ∂²u/∂x² along an axis, by central differences: weights, float64[order + 1, …]."""
    line = np.array(_CENTRAL[times, order])
    weights = np.zeros((line.size,) * len(spacing))
    along = [line.size // 2] * len(spacing)
    weights[tuple(slice(None) if a == axis else i for a, i in enumerate(along))] = line / spacing[axis] ** times
    return weights


def laplacian(spacing: Sequence[float], order: Order = 2) -> np.ndarray:
    """∇²u, second order: Σ_axis (u_{i-1} - 2 u_i + u_{i+1}) / h²; or fourth: weights, float64[order + 1, …]."""
    total: np.ndarray = sum(derivative(spacing, axis, 2, order) for axis in range(len(spacing)))  # type: ignore[assignment]
    return total


def divergence_of_flux(
    k: jax.Array, u: jax.Array, spacing: Sequence[float], mean: Mean, rounded: Rounding
) -> jax.Array:
    """∇·(k∇u) ≈ Σ_axis (k_{i+½} (u_{i+1} - u_i) - k_{i-½} (u_i - u_{i-1})) / h²: dtype[m, …] → dtype[m - 2, …].

    Second order.  Conservative: what leaves a cell through a face arrives in the next one.  The face's k is the
    arithmetic mean of its cells', or the harmonic one, which is right where k jumps (Patankar, Numerical Heat
    Transfer and Fluid Flow, 1980, section 4.2-3).
    """
    lead, *weights = (1.0 / h**2 for h in spacing)
    total = _inflow(k, u, 0, mean, rounded)
    for axis, weight in enumerate(weights, start=1):
        inflow = _inflow(k, u, axis, mean, rounded)
        total = total + (inflow if weight == lead else rounded(jnp.asarray(weight / lead, u.dtype) * inflow))
    return rounded(jnp.asarray((0.5 if mean == "arithmetic" else 2.0) * lead, u.dtype) * total)


def mean_of(a: jax.Array, b: jax.Array, mean: Mean, rounded: Rounding) -> jax.Array:
    """k at a face, from the cells on both sides of it."""
    if mean == "arithmetic":
        return 0.5 * (a + b)
    # Where both are zero nothing flows.
    return 2.0 * rounded.ratio(a * b, jnp.maximum(a + b, jnp.asarray(jnp.finfo(a.dtype).tiny, a.dtype)))


def neighbour(u: jax.Array, axis: int, step: int, width: int = 1) -> jax.Array:
    """u_{i+step} for the cells i that have `width` neighbours on every side: a view of dtype[m - 2·width, …]."""
    shifts = [step if a == axis else 0 for a in range(u.ndim)]
    return u[tuple(slice(width + s, n - width + s) for s, n in zip(shifts, u.shape, strict=True))]


def _inflow(k: jax.Array, u: jax.Array, axis: int, mean: Mean, rounded: Rounding) -> jax.Array:
    """What flows in through both faces across an axis, but for a factor: k's means times the differences of u.

    To the bit what flows out of the neighbours there.
    """
    here, k_here = neighbour(u, axis, 0), neighbour(k, axis, 0)

    def through(step: int) -> jax.Array:
        difference, k_there = neighbour(u, axis, step) - here, neighbour(k, axis, step)
        at_face = k_here + k_there
        if mean == "harmonic":
            # Where both are zero nothing flows.
            least = jnp.asarray(jnp.finfo(u.dtype).tiny, u.dtype)
            at_face = rounded.ratio(k_here * k_there, jnp.maximum(at_face, least))
        return rounded(at_face * difference)

    return through(-1) + through(1)
