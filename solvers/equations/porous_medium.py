"""The porous medium equation."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.equations.equation import Diffusion, Equation, Rates
from solvers.fields import Fields
from solvers.patch import Patch
from solvers.powers import power
from solvers.stencil import Stencil


@dataclass(frozen=True)
class PorousMedium(Equation):
    """∂u/∂t = α∇²(u^m), u ≥ 0, m ≥ 1: fronts of finite speed.

    Coefficient: `alpha`, a scalar.  What is below zero, by rounding, counts as nothing.
    Vázquez, The Porous Medium Equation, 2006 (doi:10.1093/acprof:oso/9780198569039.001.0001); Barenblatt's solution in
    its section 4.4.
    """

    laplacian: Stencil
    m: float

    fields = ("u",)

    @property
    def width(self) -> int:
        return self.laplacian.width

    def tendency(self, patch: Patch) -> Fields:
        pressure = patch.held(patch.rounded(_power(patch.fields["u"], self.m)))
        return {"u": patch.coefficients["alpha"] * self.laplacian(pressure, patch.rounded)}

    def rates(self, patch: Patch) -> Rates:
        """α m u^(m-1) times the Laplacian's largest eigenvalue."""
        u, alpha = patch.fields["u"].astype(jnp.float64), patch.coefficients["alpha"].astype(jnp.float64)
        return Rates(alpha * self.m * _power(u, self.m - 1.0) * self.laplacian.stiffness, jnp.float64(0.0))

    def diffusion(self, patch: Patch) -> dict[str, Diffusion]:
        slope = jnp.asarray(self.m, patch.dtype) * _power(patch.fields["u"], self.m - 1.0)
        return {"u": Diffusion(patch.rounded(patch.coefficients["alpha"] * slope), "arithmetic")}


def _power(u: jax.Array, m: float) -> jax.Array:
    """max(u, 0)^m."""
    return power(jnp.maximum(u, 0.0), m)
