"""Advection and diffusion."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.equations.equation import Rates
from solvers.equations.transport import Transport
from solvers.patch import Patch
from solvers.reconstruction import FaceFlux, at_faces


@dataclass(frozen=True)
class AdvectionDiffusion(Transport):
    """∂u/∂t + ∇·(a u) = α∇²u, in flux form.

    Coefficients: `alpha` [length²/time], a scalar; `velocity_0`, … a along each axis in array order, scalars or blocks
    [length/time], at a face the mean of its cells'.
    """

    diffusivity = "alpha"

    def flux(self, patch: Patch, axis: int) -> FaceFlux:
        return _carried(at_faces(patch.coefficients[f"velocity_{axis}"], axis, self.width), patch)

    def rates(self, patch: Patch) -> Rates:
        """Upwind differences are central ones and a diffusion of |a|h/2; limited ones of twice that at most.

        Central: |a| √Σ1/h² is what the slow waves demand of a method's step (`coupling`).
        """
        alpha = patch.coefficients["alpha"].astype(jnp.float64)
        spacing = patch.grid.spacing
        speeds = [jnp.abs(patch.coefficients[f"velocity_{axis}"].astype(jnp.float64)) for axis in range(len(spacing))]
        crossing: jax.Array = sum(speed / h for speed, h in zip(speeds, spacing, strict=True))  # type: ignore[assignment]
        decay = alpha * self.laplacian.stiffness
        if self.scheme == "central":
            return Rates(decay, jnp.sqrt(sum(speed**2 for speed in speeds) * sum(1.0 / h**2 for h in spacing)))
        return Rates(decay + (2.0 if self.scheme == "upwind" else 4.0) * crossing, crossing)

    @property
    def linear(self) -> bool:
        return self.scheme != "limited"


def _carried(velocity: jax.Array, patch: Patch) -> FaceFlux:
    """What comes from upstream."""
    zero = jnp.asarray(0.0, velocity.dtype)

    def flux(lower: jax.Array, upper: jax.Array) -> jax.Array:
        return patch.rounded(jnp.maximum(velocity, zero) * lower) + patch.rounded(jnp.minimum(velocity, zero) * upper)

    return flux
