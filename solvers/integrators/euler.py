"""Forward Euler."""

from __future__ import annotations

from dataclasses import dataclass

import jax

from solvers.block import core
from solvers.equations.equation import Equation
from solvers.fields import Fields
from solvers.integrators.stability import largest_step
from solvers.patch import Patch


@dataclass(frozen=True)
class Euler:
    """u(t + Δt) = u(t) + Δt · f(u, t).  First order; with a central Laplacian the scheme is called FTCS."""

    equation: Equation

    times = (0.0,)
    registers = ()
    looks_back = False

    @property
    def width(self) -> int:
        return self.equation.width

    def stable_step(self, decay: float, wave: float) -> float:
        return largest_step(lambda z: 1 + z, decay, wave)

    def begin(self, patch: Patch, dt: jax.Array) -> Fields:
        return {}

    def __call__(self, patch: Patch, stage: int | jax.Array, dt: jax.Array) -> Fields:
        changes = self.equation.change(patch, dt)
        return {name: core(patch.fields[name], self.width) + change for name, change in changes.items()}
