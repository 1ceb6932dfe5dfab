"""The heat equation."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp

from solvers.block import core
from solvers.equations.equation import Diffusion, Equation, Rates
from solvers.fields import Fields
from solvers.operators import Mean, divergence_of_flux
from solvers.patch import Patch
from solvers.stencil import Stencil


@dataclass(frozen=True)
class Heat(Equation):
    """∂u/∂t = ∇·(α∇u) + q.

    Coefficients: `alpha` [length²/time], a scalar (then α∇²u by the stencil) or a block (then in flux form, with
    `mean` values of α at the faces, so that what leaves one cell arrives in the next); optionally `source` q, a
    block [u/time].
    """

    laplacian: Stencil
    mean: Mean = "arithmetic"

    @property
    def fields(self) -> tuple[str, ...]:
        return ("u",)

    @property
    def width(self) -> int:
        return self.laplacian.width

    def tendency(self, patch: Patch) -> Fields:
        u, alpha = patch.fields["u"], patch.coefficients["alpha"]
        if alpha.ndim:
            rate = divergence_of_flux(alpha, u, patch.grid.spacing, self.mean, patch.rounded)
        else:
            rate = alpha * self.laplacian(u)
        if "source" in patch.coefficients:
            rate = rate + core(patch.coefficients["source"], self.width)
        return {"u": rate}

    def rates(self, patch: Patch) -> Rates:
        """4 α Σ 1/h² (second order): the Laplacian's largest eigenvalue is that of the checkerboard.

        Strikwerda, Finite Difference Schemes and PDEs, 2nd ed., section 6.3 (doi:10.1137/1.9780898717938).
        """
        alpha = patch.coefficients["alpha"].astype(jnp.float64)
        return Rates(alpha * self.laplacian.stiffness, jnp.float64(0.0))

    @property
    def linear(self) -> bool:
        return True

    def diffusion(self, patch: Patch) -> dict[str, Diffusion]:
        return {"u": Diffusion(patch.coefficients["alpha"], self.mean)}
