"""C with OpenMP, as one writes it."""

from __future__ import annotations

import numpy as np

from sim.bench.contestants.compiling import arguments, compiled
from sim.bench.contestants.contest import contest, fill_ghosts, second_buffer
from sim.bench.work import Work


def loop(work: Work, u: np.ndarray, steps: int) -> np.ndarray:
    v = second_buffer(work)
    fill_ghosts(u)
    compiled("march.c", work.dtype).march(*arguments(work, u, v, steps))
    return v if steps % 2 else u


if __name__ == "__main__":
    contest(loop)
