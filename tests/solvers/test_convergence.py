"""Observed orders of accuracy, against exact solutions, and what must not change at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from solvers.boundary import Boundary, Dirichlet, Neumann, Periodic
from solvers.stencil import Form

Heat = Callable[..., Any]
Mode = Callable[[np.ndarray], np.ndarray]

# On [0, 1], each with the mode that fits between such walls: its values, and its wave number.
WALLS: dict[str, tuple[Boundary, Mode, float]] = {
    "dirichlet": (Dirichlet(0.0), lambda x: np.sin(np.pi * x), np.pi),
    "neumann": (Neumann(0.0), lambda x: np.cos(np.pi * x), np.pi),
    "periodic": (Periodic(), lambda x: np.sin(2 * np.pi * x + 0.4), 2 * np.pi),
}
ALPHA = 0.7
END = 0.02
# That the two forms agree to rounding in 3-D too is seen in runs.
FORMS = [
    *((ndim, "slices") for ndim in (1, 2, 3)),
    *((ndim, "conv") for ndim in (1, 2)),
    pytest.param(3, "conv", marks=pytest.mark.long),
]


def mode_on(cells: Sequence[int], mode: Mode) -> np.ndarray:
    lines = [mode((np.arange(n) + 0.5) / n) for n in cells]
    return math.prod(np.meshgrid(*lines, indexing="ij"), start=np.ones(()))


def order(sizes: Sequence[float], errors: Sequence[float]) -> float:
    """Slope of log error over log size, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])


@pytest.mark.parametrize("walls", WALLS)
@pytest.mark.parametrize(("ndim", "form"), FORMS)
def test_second_order_in_space(ndim: int, walls: str, form: Form, heat: Heat) -> None:
    """With a time step that goes as the square of the spacing, so does the whole error."""
    boundary, mode, wave = WALLS[walls]
    sizes, errors = [], []
    for cells in (8, 12, 20):
        grid = [cells, cells * 5 // 4, cells * 3 // 2][:ndim]
        steps = round(END * 12 * ndim * cells**2)
        run = heat(grid, [(boundary, boundary)] * ndim, [1 / n for n in grid], form=form, depth=2)
        initial = mode_on(grid, mode)
        found = run(initial, END / steps, steps, alpha=ALPHA)
        errors.append(np.abs(found - initial * math.exp(-ndim * ALPHA * wave**2 * END)).max())
        sizes.append(1 / cells)
    assert 1.85 < order(sizes, errors) < 2.15, errors


@pytest.mark.parametrize("walls", WALLS)
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_first_order_in_time(ndim: int, walls: str, heat: Heat) -> None:
    """Against the exact solution of the equations that the grid makes of it, what is left is the error in time."""
    boundary, mode, wave = WALLS[walls]
    grid = [10 + axis for axis in range(ndim)]
    decay = sum(ALPHA * (2 * n * math.sin(wave / (2 * n))) ** 2 for n in grid)
    initial = mode_on(grid, mode)
    run = heat(grid, [(boundary, boundary)] * ndim, [1 / n for n in grid])
    sizes, errors = [], []
    for steps in (30, 60, 120):
        found = run(initial, END / steps, steps, alpha=ALPHA)
        errors.append(np.abs(found - initial * math.exp(-decay * END)).max())
        sizes.append(END / steps)
    assert 0.95 < order(sizes, errors) < 1.08, errors


@pytest.mark.parametrize("boundary", [Neumann(0.0), Periodic()], ids=["closed", "periodic"])
@pytest.mark.parametrize(("ndim", "form"), FORMS)
def test_nothing_is_lost(ndim: int, boundary: Boundary, form: Form, heat: Heat) -> None:
    """To rounding: each of N steps may lose a few ulp of the largest value in a cell, at random."""
    grid = (40, 30, 20)[:ndim]
    run = heat(grid, [(boundary, boundary)] * ndim, [0.1] * ndim, form=form, depth=3, name="xla", devices=2)
    initial = 5 + np.random.default_rng(7).standard_normal(grid)
    found = run(initial, 1e-3, 200)
    assert abs(math.fsum(found.ravel()) - math.fsum(initial.ravel())) < 1e-13 * initial.sum()
    assert np.ptp(found) < 0.95 * np.ptp(initial)
