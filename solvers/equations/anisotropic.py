"""The heat equation where heat has directions."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.block import core
from solvers.equations.equation import Equation, Rates
from solvers.fields import Fields
from solvers.patch import Patch
from solvers.reconstruction import at_faces


@dataclass(frozen=True)
class Anisotropic(Equation):
    """∂u/∂t = ∇·(A∇u) + q, A a symmetric tensor.

    Coefficients: `alpha_00`, `alpha_01`, … A by axes in array order, first ≤ second, scalars or blocks [length²/time],
    those that are missing are 0; optionally `source` q, a block.  In flux form, second order: at a face A is the mean
    of its cells', and so is the derivative along it (Günter, Yu, Krüger and Lackner, Modelling of heat transport in
    magnetised plasmas using non-aligned coordinates, doi:10.1016/j.jcp.2005.03.021, their asymmetric scheme).
    """

    @property
    def fields(self) -> tuple[str, ...]:
        return ("u",)

    @property
    def width(self) -> int:
        return 1

    def tendency(self, patch: Patch) -> Fields:
        ndim, rounded = patch.grid.ndim, patch.rounded
        total = core(patch.coefficients["source"], 1) if "source" in patch.coefficients else None
        for axis in range(ndim):
            for other in range(ndim):
                name = _name(axis, other)
                if name in patch.coefficients:
                    part = rounded(self._balance(patch, patch.coefficients[name], axis, other))
                    total = part if total is None else total + part
        assert total is not None
        return {"u": total}

    def _balance(self, patch: Patch, alpha: jax.Array, axis: int, other: int) -> jax.Array:
        """∂/∂x_axis (α ∂u/∂x_other), by the fluxes through the faces across `axis`."""
        u, h, along = patch.fields["u"], patch.grid.spacing[axis], patch.grid.spacing[other]
        conductivity = at_faces(alpha, axis, 1)
        if axis == other:
            slope, scale = _at(u, axis, 0) - _at(u, axis, -1), 1.0 / h**2
        else:
            slope, scale = _across(u, axis, other, 0) + _across(u, axis, other, -1), 0.25 / (h * along)
        flux = patch.rounded(conductivity * slope)
        n = flux.shape[axis] - 1
        lower, upper = (jax.lax.slice_in_dim(flux, start, start + n, axis=axis) for start in (0, 1))
        return jnp.asarray(scale, u.dtype) * (upper - lower)

    def rates(self, patch: Patch) -> Rates:
        """4 Σ A_ii / h_i² + 2 Σ_{i<j} |A_ij| / (h_i h_j), by the symbols of its differences."""
        h, decay = patch.grid.spacing, jnp.float64(0.0)
        for i in range(len(h)):
            for j in range(i, len(h)):
                if (name := _name(i, j)) in patch.coefficients:
                    size = jnp.abs(patch.coefficients[name].astype(jnp.float64))
                    decay = decay + (4.0 if i == j else 2.0) * size / (h[i] * h[j])
        return Rates(decay, jnp.float64(0.0))

    @property
    def linear(self) -> bool:
        return True


def _name(i: int, j: int) -> str:
    return f"alpha_{min(i, j)}{max(i, j)}"


def _at(u: jax.Array, axis: int, by: int, other: int | None = None, step: int = 0) -> jax.Array:
    """The cells above the faces across an axis, or those `by` further up; perhaps their neighbours along another."""
    index = [slice(1, n - 1) for n in u.shape]
    index[axis] = slice(1 + by, u.shape[axis] + by)
    if other is not None:
        index[other] = slice(1 + step, u.shape[other] - 1 + step)
    return u[tuple(index)]


def _across(u: jax.Array, axis: int, other: int, by: int) -> jax.Array:
    """u_{+1} - u_{-1} along `other`."""
    return _at(u, axis, by, other, 1) - _at(u, axis, by, other, -1)
