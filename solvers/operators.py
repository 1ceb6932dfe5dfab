"""Derivatives as stencil weights; what cells have next to them, and the mean of k at their faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from solvers.rounding import Rounding

Mean: TypeAlias = Literal["arithmetic", "harmonic"]
"""Of k, at the face between two cells."""

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
    """∂u/∂x or ∂²u/∂x² along an axis, by central differences: weights of a `Stencil`, float64[order + 1, …].

    spacing: cell widths in array order.  times: how often to differentiate.
    """
    line = np.array(_CENTRAL[times, order])
    weights = np.zeros((line.size,) * len(spacing))
    along = [line.size // 2] * len(spacing)
    weights[tuple(slice(None) if a == axis else i for a, i in enumerate(along))] = line / spacing[axis] ** times
    return weights


def laplacian(spacing: Sequence[float], order: Order = 2) -> np.ndarray:
    """∇²u: weights of a `Stencil`, float64[order + 1, …]; spacing: cell widths in array order.

    Of second order Σ_axis (u_{i-1} - 2 u_i + u_{i+1}) / h²; or of fourth.
    """
    total: np.ndarray = sum(derivative(spacing, axis, 2, order) for axis in range(len(spacing)))  # type: ignore[assignment]
    return total


def mean_of(a: jax.Array, b: jax.Array, mean: Mean, rounded: Rounding) -> jax.Array:
    """k at faces, from the cells a and b on both sides of them: arrays that broadcast, dtype kept."""
    if mean == "arithmetic":
        return 0.5 * (a + b)
    return 2.0 * half_harmonic(a, b, rounded)


def half_harmonic(a: jax.Array, b: jax.Array, rounded: Rounding) -> jax.Array:
    """a b / (a + b), half the harmonic mean; where both are zero nothing flows.

    Not by their product, which float32 can't hold where k is 1e-20, as a rock's permeability in m² is, or 1e20.
    """
    total = a + b
    # By 1, not by the least number there is: the slope of a quotient by that is infinite, and spoils a gradient's 0.
    total = jnp.where(total >= jnp.finfo(a.dtype).tiny, total, jnp.ones_like(total))
    return jnp.minimum(a, b) * rounded.ratio(jnp.maximum(a, b), total)


def neighbour(u: jax.Array, axis: int, step: int, width: int = 1) -> jax.Array:
    """u_{i+step} for the cells i that have `width` neighbours on every side: a view of dtype[m - 2·width, …]."""
    shifts = [step if a == axis else 0 for a in range(u.ndim)]
    return u[tuple(slice(width + s, n - width + s) for s, n in zip(shifts, u.shape, strict=True))]
