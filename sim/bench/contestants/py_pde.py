"""py-pde, its diffusion equation by its explicit Euler solver, compiled by numba."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from pde.fields import ScalarField
from pde.grids.cartesian import CartesianGrid
from pde.pdes.diffusion import DiffusionPDE
from pde.solvers.euler import EulerSolver

from sim.bench.contestants.contest import contest
from sim.bench.work import Work


def loop(work: Work, u: np.ndarray, steps: int) -> np.ndarray:
    inside = (slice(1, -1),) * u.ndim
    step_often, field = _stepper(work)
    field.data[...] = u[inside]
    step_often(field, 0.0, steps * work.dt)
    u[inside] = field.data
    return u


@cache
def _stepper(work: Work) -> tuple[Callable[..., float], Any]:
    grid = CartesianGrid([(0.0, n * work.spacing) for n in work.shape], work.shape)
    field = ScalarField(grid, dtype=np.dtype(work.dtype))
    equation = DiffusionPDE(1.0, bc={"value": 0.0})
    return EulerSolver(equation, backend="numba").make_stepper(field, work.dt), field


if __name__ == "__main__":
    contest(loop)
