"""numpy, by slices of whole arrays."""

from __future__ import annotations

import numpy as np

from sim.bench.contestants.contest import alpha_field, contest, fill_ghosts
from sim.bench.work import Work


def loop(work: Work, u: np.ndarray, steps: int) -> np.ndarray:
    ratio = np.dtype(work.dtype).type(work.ratio)
    inside = (slice(1, -1),) * u.ndim
    for _ in range(steps):
        fill_ghosts(u)
        change = _laplacian(u) if work.alpha == "constant" else _divergence(u, alpha_field(work))
        u[inside] += ratio * change
    return u


def _laplacian(u: np.ndarray) -> np.ndarray:
    inside = (slice(1, -1),) * u.ndim
    change = -2 * u.ndim * u[inside]
    for axis in range(u.ndim):
        for side in (slice(2, None), slice(None, -2)):
            change += u[(*inside[:axis], side, *inside[axis + 1 :])]
    return change


def _divergence(u: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Of fluxes through faces, where α is the mean of the two cells'."""
    inside = (slice(1, -1),) * u.ndim
    change = np.zeros_like(u[inside])
    for axis in range(u.ndim):
        rows = (*inside[:axis], slice(None), *inside[axis + 1 :])
        upper = np.moveaxis(alpha[rows], axis, 0)
        mean = np.moveaxis((upper[1:] + upper[:-1]) / 2, 0, axis)
        change += np.diff(mean * np.diff(u[rows], axis=axis), axis=axis)
    return change


if __name__ == "__main__":
    contest(loop)
