"""Velocity Verlet on the wave equation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from solvers.boundary import Periodic
from solvers.equations import Wave
from solvers.grid import Grid
from solvers.integrators import Verlet
from solvers.march import March
from solvers.operators import laplacian
from solvers.rounds import Clock
from solvers.stencil import Stencil
from solvers.walls import Walls

CELLS, SPEED = 48, 1.5


def marched(
    transport_of: Callable[..., Any],
    place: Callable[..., Any],
    whole: Callable[..., Any],
    steps: int,
    damping: float = 0.0,
    end: float = 1.0,
    depth: int = 1,
    **where: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """u and v at the end of a standing wave on a ring, of the discrete Laplacian's own mode."""
    grid = Grid((CELLS,), (0.0,), (1.0,), (True,))
    step = Verlet(Wave(Stencil(laplacian(grid.spacing), "slices")), {"u": "v"})
    march = March(step, {name: Walls([(Periodic(), Periodic())], grid, 1) for name in ("u", "v")}, grid)
    transport = transport_of((CELLS,), depth, **where)
    u = np.cos(2 * np.pi * grid.centres(0))
    buffers = march.buffers({"u": place(transport, u), "v": place(transport, 0.0 * u)})
    clock = Clock(jnp.float64(0.0), jnp.int64(0), jnp.float64(end / steps))
    coefficients = {"speed": jnp.float64(SPEED), "damping": jnp.float64(damping)}
    after, _ = transport.compile(march.even, (0,))(buffers, coefficients, clock, jnp.int64(2 * steps))
    return whole(transport, after.now["u"]), whole(transport, after.now["v"])


def frequency() -> float:
    return SPEED * 2 * CELLS * np.sin(np.pi / CELLS)


@pytest.mark.parametrize("damping", [0.0, 2.0])
def test_second_order_with_and_without_friction(damping: float, transport_of: Any, place: Any, whole: Any) -> None:
    x = (np.arange(CELLS) + 0.5) / CELLS
    swing = np.sqrt(frequency() ** 2 - damping**2 / 4)
    end = 0.85
    ringing = np.cos(swing * end) + damping / (2 * swing) * np.sin(swing * end)
    amplitude = np.exp(-damping * end / 2) * ringing
    counts = [160, 240, 360]
    errors = [
        np.abs(marched(transport_of, place, whole, n, damping, end)[0] - amplitude * np.cos(2 * np.pi * x)).max()
        for n in counts
    ]
    assert np.polyfit(np.log(counts), np.log(errors), 1)[0] == pytest.approx(-2.0, abs=0.1)


def test_energy_does_not_drift(transport_of: Any, place: Any, whole: Any) -> None:
    def energy(steps: int, end: float) -> float:
        u, v = marched(transport_of, place, whole, steps, end=end)
        return float((v**2).sum() + (frequency() * u).__pow__(2).sum())

    begin = energy(2, 1e-9)
    assert energy(20_000, 100.0) == pytest.approx(begin, rel=2e-3)


def test_stable_up_to_its_limit(transport_of: Any, place: Any, whole: Any) -> None:
    limit = Verlet(Wave(Stencil(laplacian((1 / CELLS,)), "slices")), {"u": "v"}).stable_step(0.0, 2 * CELLS * SPEED)
    fits, fits_not = int(np.ceil(4.0 / limit)), int(np.floor(4.0 / (1.05 * limit)))
    assert np.abs(marched(transport_of, place, whole, fits, end=4.0)[0]).max() < 2
    u, _ = marched(transport_of, place, whole, 40 * fits_not, end=160.0)
    assert not np.abs(u).max() < 1e3


@pytest.mark.parametrize("where", [{"depth": 4}, {"depth": 2, "name": "virtual", "blocks": 3}], ids=str)
def test_the_same_bits_everywhere(where: dict[str, Any], transport_of: Any, place: Any, whole: Any) -> None:
    expected = marched(transport_of, place, whole, 50, 0.5)
    for found, wanted in zip(marched(transport_of, place, whole, 50, 0.5, **where), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
