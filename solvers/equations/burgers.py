"""Burgers' equation."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.equations.equation import Rates
from solvers.equations.transport import Transport
from solvers.patch import Patch
from solvers.reconstruction import FaceFlux


@dataclass(frozen=True)
class Burgers(Transport):
    """∂u/∂t + Σ_axis ∂(u²/2)/∂x_axis = ν∇²u, in flux form: shocks run as fast as they should.

    Coefficient: `viscosity` ν [length²/time], a scalar.  The flux between the states on both sides of a face is
    Godunov's, that of the exact solution there (LeVeque, Finite Volume Methods for Hyperbolic Problems, 2002,
    section 12.2, doi:10.1017/CBO9780511791253).
    """

    diffusivity = "viscosity"

    def flux(self, patch: Patch, axis: int) -> FaceFlux:
        return _godunov

    def rates(self, patch: Patch) -> Rates:
        """Those of advection by u: `AdvectionDiffusion.rates`."""
        nu, speed = patch.coefficients["viscosity"].astype(jnp.float64), jnp.abs(patch.fields["u"].astype(jnp.float64))
        spacing = patch.grid.spacing
        crossing, decay = speed * sum(1.0 / h for h in spacing), nu * self.laplacian.stiffness
        if self.scheme == "central":
            return Rates(decay + 0.0 * crossing, speed * (len(spacing) * sum(1.0 / h**2 for h in spacing)) ** 0.5)
        return Rates(decay + (2.0 if self.scheme == "upwind" else 4.0) * crossing, crossing)


def _godunov(lower: jax.Array, upper: jax.Array) -> jax.Array:
    rising, falling = jnp.maximum(lower, 0.0), jnp.minimum(upper, 0.0)
    return 0.5 * jnp.maximum(rising * rising, falling * falling)
