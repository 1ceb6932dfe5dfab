"""The wave equation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jax.numpy as jnp

from solvers.block import core
from solvers.equations.equation import Diffusion, Equation, Rates
from solvers.fields import Fields
from solvers.patch import Patch
from solvers.stencil import Stencil


@dataclass(frozen=True)
class Wave(Equation):
    """∂²u/∂t² + γ ∂u/∂t = c²∇²u, as ∂u/∂t = v, ∂v/∂t = c²∇²u - γv.

    Coefficients: `speed` c [length/time] and `damping` γ [1/time], scalars or blocks.
    """

    laplacian: Stencil

    fields = ("u", "v")
    linear = True

    @property
    def velocities(self) -> Mapping[str, str]:
        return {"u": "v"}

    @property
    def width(self) -> int:
        return self.laplacian.width

    def tendency(self, patch: Patch) -> Fields:
        v = core(patch.fields["v"], self.width)
        speed, damping = (patch.coefficient(name, self.width) for name in ("speed", "damping"))
        pull = patch.rounded(speed * speed * self.laplacian(patch.fields["u"], patch.rounded))
        return {"u": v, "v": pull - patch.rounded(damping * v)}

    def rates(self, patch: Patch) -> Rates:
        """λ = -γ/2 ± √(γ²/4 - c²k²): |Im λ| ≤ c k and -Re λ ≤ γ, k² the Laplacian's largest eigenvalue."""
        speed, damping = (patch.coefficients[name].astype(jnp.float64) for name in ("speed", "damping"))
        return Rates(damping, jnp.abs(speed) * self.laplacian.stiffness**0.5)

    def diffusion(self, patch: Patch) -> dict[str, Diffusion]:
        """Of the place, in its velocity's equation."""
        speed = patch.coefficients["speed"]
        return {"u": Diffusion(patch.rounded(speed * speed), "arithmetic")}
