"""The Cahn–Hilliard equation."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp

from solvers.block import core
from solvers.equations.equation import Diffusion, Equation, Rates
from solvers.fields import Fields
from solvers.patch import Patch
from solvers.stencil import Stencil


@dataclass(frozen=True)
class CahnHilliard(Equation):
    """∂u/∂t = M∇²(u³ - u - κ∇²u): two phases u = ±1 part, and Σu stays what it is.

    Coefficients, scalars: `mobility` M [length²/time], `gradient` κ [length²].  Fourth order, two Laplacians wide.
    Cahn & Hilliard, Free energy of a nonuniform system I (doi:10.1063/1.1744102).
    """

    laplacian: Stencil

    fields = ("u",)

    @property
    def width(self) -> int:
        return 2 * self.laplacian.width

    def tendency(self, patch: Patch) -> Fields:
        u = patch.fields["u"]
        here = core(u, self.laplacian.width)
        bending = patch.rounded(patch.coefficients["gradient"] * self.laplacian(u, patch.rounded))
        potential = patch.rounded(here * here * here) - here - bending
        if self.laplacian.takes_long:
            potential = patch.held(potential)
        return {"u": patch.coefficients["mobility"] * self.laplacian(potential, patch.rounded)}

    def rates(self, patch: Patch) -> Rates:
        """M L (max(3u² - 1, 0) + κ L), L the Laplacian's largest eigenvalue."""
        mobility, gradient = (patch.coefficients[name].astype(jnp.float64) for name in ("mobility", "gradient"))
        u, stiffness = patch.fields["u"].astype(jnp.float64), self.laplacian.stiffness
        slope = jnp.maximum(patch.rounded(3.0 * u * u) - 1.0, 0.0)
        return Rates(mobility * stiffness * (slope + patch.rounded(gradient * stiffness)), jnp.float64(0.0))

    def diffusion(self, patch: Patch) -> dict[str, Diffusion]:
        """The bending alone: -Mκ∇⁴u, as of the square of √(Mκ)∇²."""
        k = jnp.sqrt(patch.coefficients["mobility"] * patch.coefficients["gradient"])
        return {"u": Diffusion(k, "arithmetic", squared=True)}
