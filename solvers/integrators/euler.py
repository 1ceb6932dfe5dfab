"""Forward Euler."""

from __future__ import annotations

from dataclasses import dataclass

import jax

from solvers.block import core
from solvers.equations.equation import Equation
from solvers.fields import Fields


@dataclass(frozen=True)
class Euler:
    """u(t + Δt) = u(t) + Δt · f(u, t).  First order; with a central Laplacian the scheme is called FTCS."""

    equation: Equation

    @property
    def width(self) -> int:
        return self.equation.width

    def __call__(self, fields: Fields, coefficients: Fields, time: jax.Array, dt: jax.Array) -> Fields:
        rates = self.equation.tendency(fields, coefficients, time)
        return {name: core(u, self.width) + dt.astype(u.dtype) * rates[name] for name, u in fields.items()}
