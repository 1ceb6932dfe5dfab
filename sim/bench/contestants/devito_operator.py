"""Devito, an operator generated and compiled with OpenMP."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import numpy as np

from sim.bench.contestants.contest import contest
from sim.bench.work import Work
from sim.machine import cores

os.environ.setdefault("DEVITO_LANGUAGE", "openmp")
os.environ.setdefault("DEVITO_LOGGING", "ERROR")
os.environ.setdefault("OMP_NUM_THREADS", str(cores()))

import devito  # below: it reads the environment when it is loaded


def loop(work: Work, u: np.ndarray, steps: int) -> np.ndarray:
    operator, field = _operator(work)
    field.data[0] = u[(slice(1, -1),) * u.ndim]
    operator(time_m=0, time_M=steps - 1, dt=work.dt)
    u[(slice(1, -1),) * u.ndim] = field.data[steps % 2]
    return u


@cache
def _operator(work: Work) -> tuple[devito.Operator, devito.TimeFunction]:
    """Compiled once; the ghosts are cells of the halo, minus the ones that they mirror."""
    # Extents are between centres.
    extent = [(n - 1) * work.spacing for n in work.shape]
    grid = devito.Grid(shape=work.shape, extent=extent, dtype=np.dtype(work.dtype).type)
    field = devito.TimeFunction(name="u", grid=grid, time_order=1, space_order=2)
    update = devito.Eq(field.forward, field + grid.stepping_dim.spacing * _right_hand_side(work, field))
    walls = []
    for axis, cells in enumerate(work.shape):
        for ghost, mirror in ((-1, 0), (cells, cells - 1)):
            at = [*grid.dimensions]
            at[axis] = mirror
            inside = field[(grid.stepping_dim, *at)]
            at[axis] = ghost
            walls.append(devito.Eq(field[(grid.stepping_dim, *at)], -inside))
    return devito.Operator([*walls, update]), field


def _right_hand_side(work: Work, u: devito.TimeFunction) -> Any:
    if work.alpha == "constant":
        return u.laplace
    alpha = devito.Function(name="alpha", grid=u.grid, space_order=2)
    alpha.data_with_halo[...] = 1.0
    # Fluxes through faces, each half a cell from the centre, where α is the mean of the two cells'.
    fluxes = 0
    for x in u.grid.dimensions:
        here, there, mine = u, u.subs({x: x + x.spacing}), alpha
        upper = (mine + alpha.subs({x: x + x.spacing})) * (there - here)
        lower = (mine + alpha.subs({x: x - x.spacing})) * (here - u.subs({x: x - x.spacing}))
        fluxes += (upper - lower) / (2 * x.spacing**2)
    return fluxes


if __name__ == "__main__":
    contest(loop)
