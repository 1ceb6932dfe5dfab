"""PyTorch, by its convolutions."""

from __future__ import annotations

import numpy as np
import torch

from sim.bench.contestants.contest import contest
from sim.bench.work import Work
from sim.machine import cores


def loop(work: Work, u: np.ndarray, steps: int) -> np.ndarray:
    torch.set_num_threads(cores())
    kernel = torch.zeros((3,) * u.ndim, dtype=getattr(torch, work.dtype))
    centre = [1] * u.ndim
    for axis in range(u.ndim):
        for side in (0, 2):
            kernel[tuple(side if a == axis else c for a, c in enumerate(centre))] = work.ratio
    kernel[tuple(centre)] = 1 - 2 * u.ndim * work.ratio
    convolve = torch.nn.functional.conv2d if u.ndim == 2 else torch.nn.functional.conv3d
    field = torch.from_numpy(u)
    inside = (slice(1, -1),) * u.ndim
    with torch.inference_mode():
        for _ in range(steps):
            for axis in range(u.ndim):
                turned = field.movedim(axis, 0)
                turned[0], turned[-1] = -turned[1], -turned[-2]
            field[inside] = convolve(field[None, None], kernel[None, None])[0, 0]
    return field.numpy()


if __name__ == "__main__":
    contest(loop)
