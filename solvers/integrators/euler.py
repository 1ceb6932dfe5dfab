"""Forward Euler."""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax

from solvers.block import core
from solvers.equations.equation import Equation
from solvers.fields import Fields
from solvers.patch import Patch


@dataclass(frozen=True)
class Euler:
    """u(t + Δt) = u(t) + Δt · f(u, t).  First order; with a central Laplacian the scheme is called FTCS."""

    equation: Equation

    times = (0.0,)
    registers = ()

    @property
    def width(self) -> int:
        return self.equation.width

    def stable_step(self, decay: float, wave: float) -> float:
        """|1 - Δt (decay + i·wave)| ≤ 1: Δt ≤ 2 decay / (decay² + wave²)."""
        if decay == 0.0:
            return 0.0 if wave > 0.0 else math.inf
        return 2.0 / (decay + wave * (wave / decay))

    def __call__(self, patch: Patch, stage: int | jax.Array, dt: jax.Array) -> Fields:
        rates = self.equation.tendency(patch)
        return {
            name: core(patch.fields[name], self.width) + patch.rounded(dt.astype(rate.dtype) * rate)
            for name, rate in rates.items()
        }
