"""Differential operators as stencil weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def laplacian(spacing: Sequence[float]) -> np.ndarray:
    """∇²u ≈ Σ_axis (u_{i-1} - 2 u_i + u_{i+1}) / h²: second-order central weights, float64[3, …]."""
    ndim = len(spacing)
    weights = np.zeros((3,) * ndim)
    for axis, h in enumerate(spacing):
        for offset, factor in ((0, 1.0), (1, -2.0), (2, 1.0)):
            index = [1] * ndim
            index[axis] = offset
            weights[tuple(index)] += factor / h**2
    return weights
