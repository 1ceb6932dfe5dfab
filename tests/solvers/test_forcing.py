"""Sources and operations act on space, whoever owns it: the same bits on every decomposition, in tiles or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers.boundary import Neumann, Periodic
from solvers.exchange import LOWER, UPPER
from solvers.forcing import Action, Ball, Box, Forced, Mask, PointSource
from solvers.forcing.point import cell_of
from solvers.grid import Grid
from solvers.integrators import HEUN
from solvers.observing import OverRegion, OverSide, Probe, Sampler
from solvers.patch import Patch
from solvers.rounding import Rounding
from solvers.terms import Given

Heat = Callable[..., Any]

SHAPE, SPACING = (13, 17), (0.1, 0.1)
RINGS = [(Periodic(), Periodic())] * 2
CLOSED = [(Neumann(), Neumann())] * 2
PLACES: list[dict[str, Any]] = [
    {"depth": 4},
    {"depth": 5, "tile": [2]},
    {"depth": 2, "name": "virtual", "blocks": 6},
    {"depth": 3, "tile": [2], "name": "xla", "devices": 2},
]


def forced(run: Any, *forcings: Any) -> Any:
    march = run.march
    return type(run)(replace(march, step=Forced(march.step, forcings)), run.transport)


def moving(time: jax.Array, rounded: Any) -> jax.Array:
    return 0.35 + rounded(2.0 * time)


@pytest.mark.long
@pytest.mark.parametrize("sides", [RINGS, CLOSED], ids=["rings", "closed"])
@pytest.mark.parametrize("scheme", [None, HEUN], ids=["euler", "heun"])
def test_what_a_point_source_adds_is_there(sides: Any, scheme: Any, heat: Heat) -> None:
    u, dt, steps = np.zeros(SHAPE), 1e-3, 9
    source = PointSource("u", (0.02, moving), 3.0)
    expected = forced(heat(SHAPE, sides, SPACING, scheme=scheme), source)(u, dt, steps)
    assert expected.sum() * 0.01 == pytest.approx(3.0 * dt * steps)
    for place in PLACES:
        found = forced(heat(SHAPE, sides, SPACING, scheme=scheme, **place), source)(u, dt, steps)
        np.testing.assert_array_equal(found, expected, err_msg=str(place))


@pytest.mark.parametrize("place", [(-0.01, 0.5), (0.5, 1.71), (9.0, 9.0)])
def test_a_source_beyond_the_grid_adds_nothing(place: Any, heat: Heat) -> None:
    run = forced(heat(SHAPE, CLOSED, SPACING, depth=3), PointSource("u", place, 3.0))
    assert not run(np.zeros(SHAPE), 1e-3, 5).any()


def test_a_ring_has_no_beyond(heat: Heat) -> None:
    here, around = (forced(heat(SHAPE, RINGS, SPACING), PointSource("u", (y, 0.5), 1.0)) for y in (0.25, 0.25 - 1.3))
    np.testing.assert_array_equal(here(np.zeros(SHAPE), 1e-3, 5), around(np.zeros(SHAPE), 1e-3, 5))


@pytest.mark.parametrize("periodic", [False, True])
def test_the_edges_belong_to_the_grid(periodic: bool) -> None:
    """Of whatever numbers they are."""
    time, random = jnp.float64(0.0), np.random.default_rng(1)
    for cells in (1, 2, 3, 10, 49, 93):
        low = float(random.normal())
        high = low + float(random.exponential())
        patch = Patch(
            {"u": jnp.zeros(cells)}, {}, time, (0,), Grid((cells,), (low,), (high,), (periodic,)), Rounding.by(time)
        )
        places = jnp.array([low, np.nextafter(high, low), high, np.nextafter(low, -9.0), np.nextafter(high, 9.0)])
        found = [int(cell_of(patch, 0, x)) for x in places]
        assert found[:3] == [0, cells - 1, 0 if periodic else cells - 1]
        assert periodic or found[3:] == [-1, -1]
        assert periodic or int(cell_of(patch, 0, jnp.float64(jnp.nan))) == -1


@pytest.mark.long
@pytest.mark.parametrize("sides", [RINGS, CLOSED], ids=["rings", "closed"])
def test_the_upper_corner_is_probed_and_fed_everywhere(sides: Any, heat: Heat) -> None:
    u = 1.0 + np.random.default_rng(0).random(SHAPE)
    for place in PLACES:
        run = heat(SHAPE, sides, SPACING, **place)
        corner = run.march.grid.upper
        sampler = Sampler(run.march, [Probe("u", corner)], 1, 2)
        _, table = run.transport.compile(sampler.record, donate=(0,))(*run.arguments(u, 0.0), jnp.int64(2))
        cell = (0, 0) if sides is RINGS else (-1, -1)
        np.testing.assert_array_equal(np.asarray(table)[:, 1], u[cell], err_msg=str(place))
        fed = forced(run, PointSource("u", corner, 3.0))(np.zeros(SHAPE), 1e-3, 1)
        assert fed[cell] == fed.sum() == pytest.approx(0.3), place


OPERATIONS = {
    "set": lambda u: 2.5 + 0 * u,
    "add": lambda u: u + 2.5,
    "multiply": lambda u: u * 2.5,
    "divide": lambda u: u / 2.5,
    "power": lambda u: u**2.5,
    "min": lambda u: np.minimum(u, 2.5),
    "max": lambda u: np.maximum(u, 2.5),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_in_a_box(operation: Any, heat: Heat) -> None:
    u = 1.0 + np.random.default_rng(0).random(SHAPE) * 3
    box = Box((0.2, 0.4), (0.7, 1.1))
    found = forced(heat(SHAPE, CLOSED, SPACING), Action("u", box, operation, 2.5))(u, 0.0, 1)
    expected = u.copy()
    expected[2:7, 4:11] = OPERATIONS[operation](u[2:7, 4:11])
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.long
def test_regions_times_and_functions_are_the_same_everywhere(heat: Heat) -> None:
    u = 1.0 + np.random.default_rng(0).random(SHAPE)
    squared = Action("u", Ball((0.6, 0.8), 0.33), "apply", lambda p: p.rounded(p.fields["u"] * p.fields["u"]), (0.004,))
    mask = Mask(lambda patch: patch.centres(0) > patch.centres(1))
    forcings = [squared, Action("u", mask, "max", 1.2), Action("u", Box((0, 0), (0.3, 9)), "multiply", 0.9)]
    expected = forced(heat(SHAPE, RINGS, SPACING), *forcings)(u, 1e-3, 9)
    without = forced(heat(SHAPE, RINGS, SPACING), *forcings[1:])(u, 1e-3, 9)
    assert (expected != without).any()
    for place in PLACES:
        found = forced(heat(SHAPE, RINGS, SPACING, **place), *forcings)(u, 1e-3, 9)
        np.testing.assert_array_equal(found, expected, err_msg=str(place))


def test_a_time_comes_once(heat: Heat) -> None:
    """Also where it falls on the end of a step."""
    for time in (0.002, 0.0025, 0.005):
        run = forced(heat(SHAPE, CLOSED, SPACING), Action("u", Box((0, 0), (9, 9)), "add", 1.0, (time,)))
        np.testing.assert_allclose(run(np.zeros(SHAPE), 1e-3, 7), 1.0, rtol=1e-14)


OBSERVATIONS = [
    Probe("u", (0.55, 1.61)),
    Probe("u", (0.55, 9.0)),
    OverRegion("u", Box((0.0, 0.0), (0.5, 1.0)), "integral"),
    OverRegion("u", Ball((0.5, 0.5), 0.3), "mean"),
    OverRegion("u", Ball((0.5, 0.5), 0.3), "min"),
    OverRegion("u", Box((9, 9), (10, 10)), "max"),
    OverSide("u", 0, LOWER, "mean"),
    OverSide("u", 1, UPPER, "flux", Given("alpha")),
]


def recorded(run: Any, u: np.ndarray, every: int, records: int) -> np.ndarray:
    sampler = Sampler(run.march, OBSERVATIONS, every, records + 1)
    program = run.transport.compile(sampler.record, donate=(0,))
    _, table = program(*run.arguments(u, 1e-3), jnp.int64(records))
    return np.asarray(table)


@pytest.mark.parametrize("every", [1, 4])
def test_observations_are_what_numpy_sees(every: int, heat: Heat) -> None:
    sides = [(Neumann(0.3), Neumann(-0.2)), (Neumann(), Neumann(0.7))]
    u = 1.0 + np.random.default_rng(0).random(SHAPE)
    table = recorded(heat(SHAPE, sides, SPACING), u, every, 4)
    assert not table[-1].any()
    after = heat(SHAPE, sides, SPACING)(u, 1e-3, 3 * every)
    ball = np.add.outer((np.arange(13) * 0.1 - 0.45) ** 2, (np.arange(17) * 0.1 - 0.45) ** 2) <= 0.09
    wall = after[0] + 0.05 * 0.3
    expected = [3e-3 * every, after[5, 16], 0.0, after[:5, :10].sum() * 0.01, after[ball].mean(), after[ball].min()]
    np.testing.assert_allclose(table[2, :6], expected, rtol=1e-12)
    assert np.isnan(table[2, 6])
    np.testing.assert_allclose(table[2, 7:], [wall.mean(), 0.7 * 1.3], rtol=1e-12)


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_a_zero_has_one_sign_everywhere(zero: float, heat: Heat) -> None:
    """A probe's is the cell's, an extreme has none: for the larger one of two zeros may be either."""
    u = 1.0 + np.random.default_rng(0).random(SHAPE)
    u[3:5] = zero
    u[4, 9] = 0.0
    everywhere = Box((0.0, 0.0), (9.0, 9.0))
    observations = [Probe("u", (0.35, 0.15)), *(OverRegion("u", everywhere, measure) for measure in ("min", "max"))]
    for place in [{}, {"name": "virtual", "blocks": 6}]:
        run = heat(SHAPE, CLOSED, SPACING, **place)
        observe = run.transport.compile(Sampler(run.march, observations, 1, 2).observe)
        for sign, extreme in ((1.0, 1), (-1.0, 2)):
            buffers, coefficients, clock = run.arguments(sign * u, 0.0)
            _, seen = observe(buffers.now, coefficients, clock.start)
            assert seen[0] == seen[extreme] == 0.0
            assert np.signbit(seen[0]) == np.signbit(sign * zero), place
            assert not np.signbit(seen[extreme]), place


@pytest.mark.long
def test_series_are_the_same_everywhere(heat: Heat) -> None:
    sides = [(Neumann(0.3), Neumann(-0.2)), (Neumann(), Neumann(0.7))]
    u = 1.0 + np.random.default_rng(0).random(SHAPE)
    expected = recorded(heat(SHAPE, sides, SPACING), u, 3, 4)
    for place in PLACES:
        np.testing.assert_array_equal(recorded(heat(SHAPE, sides, SPACING, **place), u, 3, 4), expected, str(place))
