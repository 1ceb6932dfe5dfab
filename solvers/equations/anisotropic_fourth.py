"""The heat equation where heat has directions, of fourth order."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.block import core
from solvers.equations.anisotropic import TensorDiffusion, entry
from solvers.fields import Fields
from solvers.fluxes import FluxForm, GivenSides, ends, inner
from solvers.patch import Patch

_WIDTH = 3


@dataclass(frozen=True)
class FourthOrderAnisotropic(TensorDiffusion):
    """∇·(A∇u) in flux form, fourth order: `solvers.fluxes.FluxForm` along each axis, and across them

    ∂/∂x_i (A_ij ∂u/∂x_j) ≈ δ_i (A_ij δ_j u),    δ u = (8 (u_{+1} - u_{-1}) - (u_{+2} - u_{-2})) / 12h,

    where δ f is the difference of (7 (f_0 + f_1) - (f_{-1} + f_2)) / 12 at a cell's two faces, so that what leaves a
    cell arrives in the next one.  δ being its own adjoint but for the sign, the operator is symmetric; and as |δ| is
    nowhere more than the staggered difference's symbol, a constant positive A takes energy out of every mode.

    given: the sides at which n·A∇u is given, for tensors that are diagonal there and nowhere turn heat.
    """

    given: GivenSides = ()

    # (7/3)² · 8/7, as in `FluxForm.stiffness`; and δ's symbol is at most 1.3723 / h.
    _along, _across = (7.0 / 3.0) ** 2 * (8.0 / 7.0), 1.3723**2

    @property
    def width(self) -> int:
        return _WIDTH

    def tendency(self, patch: Patch) -> Fields:
        rounded, u = patch.rounded, patch.fields["u"]
        total = core(patch.coefficients["source"], _WIDTH) if "source" in patch.coefficients else None
        straight = FluxForm("arithmetic", 4, self.given)
        for axis, h in enumerate(patch.grid.spacing):
            of = entry(axis, axis)
            k = jnp.broadcast_to(patch.coefficients[of], u.shape)
            through = straight.through(k, u, patch, axis, 0, of)
            for other in range(u.ndim):
                if other != axis and entry(axis, other) in patch.coefficients:
                    through = through + rounded(jnp.asarray(h, u.dtype) * _cross_flux(patch, axis, other))
            lower, upper = ends(through, axis)
            part = rounded(jnp.asarray(1.0 / h**2, u.dtype) * (upper - lower))
            total = part if total is None else total + part
        assert total is not None
        return {"u": total}


def _cross_flux(patch: Patch, axis: int, other: int) -> jax.Array:
    """A_as ∂u/∂s through the faces across an axis a, of the cells that have three neighbours: dtype[…, n + 1, …]."""
    rounded, u = patch.rounded, patch.fields["u"]
    a = jnp.broadcast_to(patch.coefficients[entry(axis, other)], u.shape)
    below, lower, upper, above = (_near(u, axis, other, by) for by in (-2, -1, 1, 2))
    # Products with powers of two are exact, and need not be rounded.
    weight = jnp.asarray(1.0 / (12.0 * patch.grid.spacing[other]), u.dtype)
    slope = rounded(weight * (8.0 * (upper - lower) - (above - below)))
    flow = rounded(_near(a, axis, other, 0) * slope)
    (first, last), (second, third) = ends(flow, axis, apart=3), ends(inner(flow, axis), axis)
    return rounded(jnp.asarray(1.0 / 12.0, u.dtype) * (rounded(7.0 * (second + third)) - (first + last)))


def _near(u: jax.Array, axis: int, other: int, by: int) -> jax.Array:
    """The neighbours, `by` further along `other`, of all cells that have two more along `axis` and three elsewhere."""
    index = [slice(_WIDTH, n - _WIDTH) for n in u.shape]
    index[axis] = slice(1, u.shape[axis] - 1)
    index[other] = slice(_WIDTH + by, u.shape[other] - _WIDTH + by)
    return u[tuple(index)]
