"""numpy, by slices of whole arrays."""

from __future__ import annotations

import numpy as np

from sim.bench.contestants.contest import contest, fill_ghosts
from sim.bench.work import Work


def loop(work: Work, u: np.ndarray, steps: int) -> np.ndarray:
    inside = (slice(1, -1),) * u.ndim
    ratio = np.dtype(work.dtype).type(work.ratio)
    for _ in range(steps):
        fill_ghosts(u)
        neighbours = -2 * u.ndim * u[inside]
        for axis in range(u.ndim):
            for side in (slice(2, None), slice(None, -2)):
                neighbours += u[(*inside[:axis], side, *inside[axis + 1 :])]
        u[inside] += ratio * neighbours
    return u


if __name__ == "__main__":
    contest(loop)
