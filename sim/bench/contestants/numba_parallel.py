"""numba, parallel over the first axis."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from sim.bench.contestants.contest import alpha_field, contest, fill_ghosts, second_buffer
from sim.bench.work import Work
from sim.machine import cores


@numba.njit(parallel=True, fastmath=True)
def step_2d(u: Any, v: Any, ratio: Any) -> None:
    for i in numba.prange(1, u.shape[0] - 1):
        for j in range(1, u.shape[1] - 1):
            around = u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1]
            v[i, j] = u[i, j] + ratio * (around - 4 * u[i, j])


@numba.njit(parallel=True, fastmath=True)
def step_3d(u: Any, v: Any, ratio: Any) -> None:
    for i in numba.prange(1, u.shape[0] - 1):
        for j in range(1, u.shape[1] - 1):
            for k in range(1, u.shape[2] - 1):
                around = u[i - 1, j, k] + u[i + 1, j, k] + u[i, j - 1, k] + u[i, j + 1, k]
                around += u[i, j, k - 1] + u[i, j, k + 1]
                v[i, j, k] = u[i, j, k] + ratio * (around - 6 * u[i, j, k])


@numba.njit(parallel=True, fastmath=True)
def step_2d_field(u: Any, v: Any, half: Any, a: Any) -> None:
    for i in numba.prange(1, u.shape[0] - 1):
        for j in range(1, u.shape[1] - 1):
            here, mine = u[i, j], a[i, j]
            change = (mine + a[i - 1, j]) * (u[i - 1, j] - here) + (mine + a[i + 1, j]) * (u[i + 1, j] - here)
            change += (mine + a[i, j - 1]) * (u[i, j - 1] - here) + (mine + a[i, j + 1]) * (u[i, j + 1] - here)
            v[i, j] = here + half * change


@numba.njit(parallel=True, fastmath=True)
def step_3d_field(u: Any, v: Any, half: Any, a: Any) -> None:
    for i in numba.prange(1, u.shape[0] - 1):
        for j in range(1, u.shape[1] - 1):
            for k in range(1, u.shape[2] - 1):
                here, mine = u[i, j, k], a[i, j, k]
                change = (mine + a[i - 1, j, k]) * (u[i - 1, j, k] - here)
                change += (mine + a[i + 1, j, k]) * (u[i + 1, j, k] - here)
                change += (mine + a[i, j - 1, k]) * (u[i, j - 1, k] - here)
                change += (mine + a[i, j + 1, k]) * (u[i, j + 1, k] - here)
                change += (mine + a[i, j, k - 1]) * (u[i, j, k - 1] - here)
                change += (mine + a[i, j, k + 1]) * (u[i, j, k + 1] - here)
                v[i, j, k] = here + half * change


def loop(work: Work, u: np.ndarray, steps: int) -> np.ndarray:
    numba.set_num_threads(cores())
    real = np.dtype(work.dtype).type
    v = second_buffer(work)
    for _ in range(steps):
        fill_ghosts(u)
        if work.alpha == "constant":
            (step_2d if u.ndim == 2 else step_3d)(u, v, real(work.ratio))
        else:
            (step_2d_field if u.ndim == 2 else step_3d_field)(u, v, real(work.ratio / 2), alpha_field(work))
        u, v = v, u
    return u


if __name__ == "__main__":
    contest(loop)
