"""The heat equation with a constant diffusivity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax

from solvers.block import core
from solvers.equations.equation import Equation
from solvers.fields import Fields
from solvers.stencil import Stencil


@dataclass(frozen=True)
class Heat(Equation):
    """∂u/∂t = α ∇²u + q.

    Coefficients: `alpha`, a scalar [length²/time], and optionally `source` q, a block [u/time].
    """

    laplacian: Stencil

    @property
    def width(self) -> int:
        return self.laplacian.width

    def tendency(self, fields: Fields, coefficients: Fields, time: jax.Array) -> Fields:
        rate = coefficients["alpha"] * self.laplacian(fields["u"])
        if "source" in coefficients:
            rate = rate + core(coefficients["source"], self.width)
        return {"u": rate}

    @staticmethod
    def stable_step(alpha: float, spacing: Sequence[float]) -> float:
        """Δt ≤ 1 / (2 α Σ 1/h²), the von Neumann limit of forward Euler with the 2·ndim+1-point Laplacian.

        Strikwerda, Finite Difference Schemes and PDEs, 2nd ed., section 6.3 (doi:10.1137/1.9780898717938).
        Infinite for α = 0.
        """
        rate = 2.0 * alpha * sum(1.0 / h**2 for h in spacing)
        return 1.0 / rate if rate > 0.0 else float("inf")
