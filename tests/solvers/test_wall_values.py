"""Boundaries whose values depend on place and time, and those that are more than a value."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from solvers.block import Block
from solvers.boundary import Boundary, Dirichlet, Neumann, Outflow, Periodic, Radiation, Robin
from solvers.exchange import Alone
from solvers.grid import Grid
from solvers.wall import Setting, Wall
from solvers.walls import Sides, Walls

Heat = Callable[..., Any]


def swinging(wall: Wall) -> jax.Array:
    """Depends on all coordinates along the wall, and on time fast enough for a step too early to be seen."""
    place = sum(wall.rounded((axis + 1.3) * wall.coordinate(axis)) for axis in range(wall.near.ndim))
    return wall.rounded(jnp.sin(40.0 * wall.time)) + place


def fill_1d(boundary: Boundary, near: list[float], h: float, width: int = 1, **coefficients: float) -> np.ndarray:
    """The ghosts beyond the upper wall of a block that holds these cells, the last one at the wall."""
    cells = len(near)
    block = Block((cells,), width)
    u = jnp.asarray([0.0] * width + near + [np.nan] * width)
    known = {name: jnp.asarray(value) for name, value in coefficients.items()}
    setting = Setting(block, Alone(), known, jnp.float64(0.0))
    walls = Walls([(Dirichlet(), boundary)], Grid((cells,), (0.0,), (cells * h,)), width)
    return np.asarray(walls.fill(u, setting))[cells + width :]


@pytest.mark.parametrize("width", [1, 2, 3])
def test_robin_holds_at_the_wall(width: int) -> None:
    u, h, transfer, ambient, k = [3.0, 5.0, 4.0], 0.2, 7.0, 1.5, 2.5
    ghosts = fill_1d(Robin(transfer, ambient, k=k), u, h, width)
    mirror, distance = np.array(u[::-1][:width]), (2 * np.arange(width) + 1) * h
    np.testing.assert_allclose(
        k * (ghosts - mirror) / distance, transfer * (ambient - (ghosts + mirror) / 2), rtol=1e-13
    )


def _powers(least: int, most: int) -> st.SearchStrategy[float]:
    return st.floats(least, most).map(lambda x: 10.0**x)


@given(
    u=_powers(-3, 4) | st.just(0.0),
    ambient=_powers(-3, 4) | st.just(0.0),
    strength=_powers(-12, 3) | st.just(0.0),
    k=_powers(-9, 6),
)
@example(u=300.0, ambient=0.0, strength=5.67e-8, k=1e-9)
@example(u=0.0, ambient=0.0, strength=0.0, k=1.0)
def test_radiation_holds_at_the_wall(u: float, ambient: float, strength: float, k: float) -> None:
    """To rounding, whether next to nothing is conducted or radiated: what flows in is of one sign on either side."""
    h = 0.01
    (ghost,) = fill_1d(Radiation(strength, ambient, k=k), [u, u], h)

    def lacking(wall: Fraction) -> Fraction:
        conducted = Fraction(2 * k / h) * (wall - Fraction(u))
        return conducted + Fraction(strength) * (wall**4 - Fraction(ambient) ** 4)

    wall = Fraction((ghost + u) / 2)
    near = Fraction(2e-15) * (wall + Fraction(u))
    assert lacking(wall - near) <= 0 <= lacking(wall + near)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_outflow_goes_on_along_a_line(width: int) -> None:
    ghosts = fill_1d(Outflow(), [1.0, 5.0, 4.0], 0.1, width)
    np.testing.assert_allclose(ghosts, 4.0 - (np.arange(width) + 1))


def test_no_wall_sees_beyond_the_other_one() -> None:
    with pytest.raises(ValueError, match="axis 0 reaches more than 1 layers"):
        fill_1d(Outflow(), [1.0], 0.1)


@pytest.mark.parametrize("side", ["lower", "upper"])
def test_a_flux_meets_the_conductivity_at_the_wall(side: str) -> None:
    block, h = Block((4, 3), 1), 0.5
    u = jnp.arange(30.0).reshape(6, 5)
    k = 1.0 + jnp.arange(30.0).reshape(6, 5)
    flux = Neumann(2.0, k=lambda wall: wall.coefficient("k"))
    pair = (flux, Dirichlet()) if side == "lower" else (Dirichlet(), flux)
    setting = Setting(block, Alone(), {"k": k}, jnp.float64(0.0))
    filled = Walls([pair, (Periodic(), Periodic())], Grid((4, 3), (0.0, 0.0), (4 * h, 1.0)), 1).fill(u, setting)
    ghost, cell = (0, 1) if side == "lower" else (5, 4)
    inside = slice(1, -1)  # beyond it lie the ring's own ghosts, made of these
    np.testing.assert_allclose(filled[ghost, inside], (u[cell] + h * 2.0 / k[cell])[inside])


@pytest.mark.parametrize(
    "wall",
    [
        Neumann(lambda wall: jnp.zeros(()), k=lambda wall: wall.coefficient("k")),
        Robin(lambda wall: jnp.zeros(()), 3.0, k=lambda wall: wall.coefficient("k")),
        Radiation(1.0, 0.0, k=lambda wall: wall.coefficient("k")),
        Radiation(0.0, 3.0, k=lambda wall: wall.coefficient("k")),
    ],
)
@pytest.mark.parametrize("cell", [0.0, 2.0])
def test_nothing_flows_where_nothing_conducts(wall: Boundary, cell: float) -> None:
    """The flux is k times the slope, and k = 0: ghosts are of no account, as long as they are finite."""
    assert np.all(np.isfinite(fill_1d(wall, [cell, cell], 0.25, 2, k=0.0)))


def test_values_know_where_and_when_they_are() -> None:
    grid, block = Grid((4, 6), (-1.0, 2.0), (1.0, 5.0)), Block((2, 3), 2, offset=(2, 3))
    seen: dict[str, Any] = {}

    def value(wall: Wall) -> jax.Array:
        seen.update(along=wall.coordinate(1), across=wall.coordinate(0), time=wall.time)
        return jnp.zeros(())

    setting = Setting(block, Alone(), {}, jnp.float64(1.5))
    Walls([(Dirichlet(), Dirichlet(value)), (Periodic(), Periodic())], grid, 2).fill(jnp.zeros((6, 7)), setting)
    assert seen["time"] == 1.5 and np.all(seen["across"] == 1.0)
    ghosted = np.concatenate([2.0 + (np.arange(1, 3) + 0.5) * 0.5, grid.centres(1, 3, 6), 5.0 + np.array([0.25, 0.75])])
    np.testing.assert_allclose(np.ravel(seen["along"]), ghosted)


class Radiating(Radiation):
    """Of fewer iterations, each of them as much to compile as another wall."""

    _ITERATIONS = 2


ALL_KINDS: dict[str, Sides] = {
    "robin": [(Dirichlet(swinging), Robin(swinging, swinging, k=2.0))] * 2,
    "outflow": [(Outflow(), Dirichlet(swinging)), (Neumann(swinging), Neumann(swinging))],
    "radiation": [(Radiating(0.1, swinging), Outflow()), (Periodic(), Periodic())],
}
# In three dimensions walls are what takes longest to compile: once, with all kinds.
MIXED: Sides = [
    (Radiating(0.1, swinging), Outflow()),
    (Neumann(swinging), Dirichlet(swinging)),
    (Robin(2.0, swinging), Radiating(0.2)),
]
WIDE = np.array([-1.0, 16.0, -30.0, 16.0, -1.0]) / 12
PLACES: list[dict[str, Any]] = [
    {"depth": 4},
    {"depth": 3, "tile": [1]},
    {"depth": 4, "tile": [2]},
    {"depth": 6, "tile": [3]},
    {"depth": 4, "tile": [2, 16]},
    {"depth": 6, "tile": [0, 16]},
    {"depth": 2, "name": "virtual", "blocks": 3},
    {"depth": 4, "tile": [1, 16], "name": "virtual", "process_grid": (3, 1, 1)},
]


def laplacian_of_width(width: int, ndim: int) -> np.ndarray:
    """A star that reaches `width` cells far."""
    line = WIDE if width == 2 else np.array([1.0, -2.0, 1.0])
    weights = np.zeros((2 * width + 1,) * ndim)
    for axis in range(ndim):
        index: list[Any] = [width] * ndim
        index[axis] = slice(None)
        weights[tuple(index)] += line
    return weights


@pytest.mark.long
@pytest.mark.parametrize(
    ("ndim", "width", "sides"),
    [
        *(
            pytest.param(ndim, width, sides, id=f"{ndim}-{width}-{name}")
            for ndim, width in ((1, 1), (1, 2), (2, 1), (2, 2))
            for name, sides in ALL_KINDS.items()
        ),
        pytest.param(3, 1, MIXED, id="3-1-mixed"),
    ],
)
def test_tiles_and_blocks_meet_the_wall_at_the_right_time(ndim: int, width: int, sides: Sides, heat: Heat) -> None:
    shape = {1: (250,), 2: (29, 71), 3: (25, 9, 61)}[ndim]
    weights = laplacian_of_width(width, ndim)
    u = 1.5 + np.random.default_rng(0).random(shape)
    expected = heat(shape, sides[:ndim], (0.1,) * ndim, weights=weights)(u, 0.02, 23)
    assert np.isfinite(expected).all() and np.ptp(expected) > 0.1
    for place in PLACES:
        if ndim == 1 and "process_grid" in place:
            place = {**place, "process_grid": (3,)}
        elif "process_grid" in place:
            place = {**place, "process_grid": place["process_grid"][:ndim]}
        if place["depth"] * width > 8 and "name" in place:
            continue
        run = heat(shape, sides[:ndim], (0.1,) * ndim, weights=weights, **place)
        np.testing.assert_array_equal(run(u, 0.02, 23), expected, err_msg=str(place))
