"""The heat equation."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.block import core
from solvers.equations.equation import Diffusion, Equation, Rates
from solvers.fields import Fields
from solvers.fluxes import FluxForm
from solvers.operators import Mean
from solvers.patch import Patch
from solvers.stencil import Stencil


@dataclass(frozen=True)
class Heat(Equation):
    """∂u/∂t = ∇·(α∇u) + q.

    Coefficients: `alpha` [length²/time], a scalar, where `form` is a Laplacian's stencil, or a block, where it is a
    flux form, so that what leaves one cell arrives in the next; optionally `source` q, a block [u/time].
    """

    form: Stencil | FluxForm

    fields = ("u",)
    linear = True

    @property
    def width(self) -> int:
        return self.form.width

    def tendency(self, patch: Patch) -> Fields:
        return self._taken(patch, jnp.float64(1.0))

    def change(self, patch: Patch, dt: jax.Array) -> Fields:
        return self._taken(patch, dt)

    def _taken(self, patch: Patch, dt: jax.Array) -> Fields:
        """Δt (∇·(α∇u) + q), rounded."""
        change = self._diffused(patch, dt)
        if "source" in patch.coefficients:
            source = core(patch.coefficients["source"], self.width)
            change = change + patch.rounded(dt.astype(source.dtype) * source)
        return {"u": change}

    def _diffused(self, patch: Patch, dt: jax.Array) -> jax.Array:
        """Δt ∇·(α∇u), rounded."""
        u, alpha = patch.fields["u"], patch.coefficients["alpha"]
        if isinstance(self.form, FluxForm):
            return self.form.divergence(alpha, u, patch, of="alpha", times=dt)
        return patch.rounded(self.form(u, patch.rounded, dt * alpha.astype(jnp.float64)))

    def rates(self, patch: Patch) -> Rates:
        """4 α Σ 1/h² (second order): the Laplacian's largest eigenvalue is that of the checkerboard.

        Strikwerda, Finite Difference Schemes and PDEs, 2nd ed., section 6.3 (doi:10.1137/1.9780898717938).
        """
        alpha, form = patch.coefficients["alpha"].astype(jnp.float64), self.form
        stiffness = form.stiffness(patch.grid.spacing) if isinstance(form, FluxForm) else form.stiffness
        return Rates(alpha * stiffness, jnp.float64(0.0))

    def diffusion(self, patch: Patch) -> dict[str, Diffusion]:
        return {"u": Diffusion(patch.coefficients["alpha"], self._mean)}

    @property
    def _mean(self) -> Mean:
        return self.form.mean if isinstance(self.form, FluxForm) else "arithmetic"
