"""What the tables of a case mean in the terms of the numerics: equation, boundaries, integrator."""

from __future__ import annotations

import jax

from sim import case as tables
from sim.case import Case
from solvers.boundary import Boundary, Dirichlet, Neumann, Periodic, Value
from solvers.equations import Equation, Heat
from solvers.integrators import Euler, Step
from solvers.operators import laplacian
from solvers.stencil import Stencil, best_form
from solvers.wall import Wall
from solvers.walls import Sides


def equation_of(case: Case) -> Equation:
    weights = laplacian(case.to_grid().spacing)
    form = best_form(weights) if case.numerics.stencil == "auto" else case.numerics.stencil
    return Heat(Stencil(weights, form), case.equation.mean)


def step_of(case: Case, equation: Equation) -> Step:
    return Euler(equation)


def sides_of(case: Case, field: str) -> Sides:
    """The boundaries of a field, in array order."""
    return [(_boundary(axis.lower), _boundary(axis.upper)) for axis in case.boundary.axes]


def _boundary(side: tables.Side) -> Boundary:
    match side:
        case tables.Periodic():
            return Periodic()
        case tables.Dirichlet(value=value):
            return Dirichlet(value)
        case tables.Neumann(flux=flux):
            return Neumann(_gradient(flux)) if flux else Neumann()


def _gradient(flux: float) -> Value:
    """∂u/∂n = flux / α, with α in the cells at the wall."""

    def gradient(wall: Wall) -> jax.Array:
        return flux / wall.coefficient("alpha")

    return gradient
