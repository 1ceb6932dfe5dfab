"""Runs have the answers that are known: closed forms, budgets, steady states."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim import casefile

Small = Callable[..., dict[str, Any]]
Fields = Callable[[Path], list[np.ndarray]]

pytestmark = pytest.mark.usefixtures("elsewhere")


def serial(name: str, *overrides: str) -> sim.Result:
    return sim.run(name, output="out", overrides=["parallel.transport=serial", *overrides])


# -------------------------------------------------------------------------------------------------------- known answers


def decay_of_a_sine(case: sim.Case, times: np.ndarray, steps: np.ndarray) -> float:
    """What FTCS makes of a sine of half a wave along each axis between walls at 0, by von Neumann's factor.

    The ghosts continue the sine as an odd function, so that it is an eigenvector of the discrete Laplacian.
    """
    rate = 0.0
    for axis in case.grid.axes:
        h = (axis.upper - axis.lower) / axis.cells
        rate += case.equation.alpha * (2 / h * math.sin(math.pi * h / (2 * (axis.upper - axis.lower)))) ** 2
    dt = np.diff(times) / np.diff(steps)
    return float(np.prod((1 - rate * dt) ** np.diff(steps)))


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("heat2d", ["grid.x.cells=64", "grid.y.cells=48"]),
        ("heat2d", ["grid.x.cells=33", "grid.y.cells=80", "time.safety=0.5", "numerics.stencil=conv"]),
        ("copper-bar", ["grid.x.cells=100"]),
        ("copper-bar", ["grid.x.cells=64", "time.step=0.3", "output.every=7.0"]),
    ],
)
def test_the_error_is_that_of_the_scheme(name: str, overrides: list[str]) -> None:
    """Not just small: as large as the scheme's own, known in closed form."""
    result, case = serial(name, *overrides), casefile.load(name, overrides)
    with h5py.File(result.series) as file:
        numerical = decay_of_a_sine(case, file["time"][:], file["step"][:])
    rate = sum(case.equation.alpha * (math.pi / (axis.upper - axis.lower)) ** 2 for axis in case.grid.axes)
    exact = math.exp(-rate * case.time.end)
    peak = 100 * math.prod(math.sin(math.pi * ((a.cells // 2) + 0.5) / a.cells) for a in case.grid.axes)
    assert result.statistics["u"]["max"] == pytest.approx(peak * numerical, rel=1e-11)
    assert result.errors is not None
    assert result.errors["u"]["max"] == pytest.approx(peak * abs(numerical - exact), rel=1e-5)
    # ∫sin² is a half along each axis, also as a sum over cell centres.
    l2 = 100 * abs(numerical - exact) * math.sqrt(0.5) ** case.ndim
    assert result.errors["u"]["l2"] == pytest.approx(l2, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "overrides", "largest"),
    [("heat2d", ["grid.x.cells=128", "grid.y.cells=128"], 3e-3), ("copper-bar", [], 2e-4)],
)
def test_the_built_in_cases_are_near_their_exact_solutions(name: str, overrides: list[str], largest: float) -> None:
    errors = serial(name, *overrides).errors
    assert errors is not None and 0 < errors["u"]["l2"] < errors["u"]["max"] < largest


@pytest.mark.long
@pytest.mark.parametrize("sides", ["periodic", "neumann"])
@pytest.mark.parametrize("shape", [(50,), (21, 18), (9, 10, 11)])
@pytest.mark.parametrize(("dtype", "most"), [("float64", 1e-13), ("float32", 1e-5)])
def test_closed_cases_lose_nothing(small: Small, sides: str, shape: tuple[int, ...], dtype: str, most: float) -> None:
    names = ("z", "y", "x")[-len(shape) :]
    table = small(shape, numerics__dtype=dtype, boundary=dict.fromkeys(names, sides), time__end=1.0)
    result = sim.run(table, output="out")
    assert result.steps > 20 and result.drift is not None and result.drift < most


@pytest.mark.long
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_flows_in_is_accounted_for(small: Small, dtype: str, fields: Fields) -> None:
    """Walls and a source feed the field: the mean grows by just that much, and drift is what is left over."""
    walls = {"lower": {"kind": "neumann", "flux": 0.3}, "upper": {"kind": "neumann", "flux": -0.1}}
    table = small(
        (20, 30), numerics__dtype=dtype, boundary={"x": walls, "y": "periodic"}, equation__source=0.25, time__end=2.0
    )
    result = sim.run(table, output="out")
    length = table["grid"]["x"]["upper"]
    gained = 2.0 * (0.25 + (0.3 - 0.1) / length)
    first, *_, last = (field.astype(np.float64).mean() for field in fields(Path("out")))
    assert last - first == pytest.approx(gained, rel=1e-4 if dtype == "float32" else 1e-11)
    assert result.drift is not None and result.drift < (1e-5 if dtype == "float32" else 1e-13)


def test_drift_is_not_said_where_walls_let_through_what_they_like(small: Small) -> None:
    result = sim.run(small((20,), boundary__x="dirichlet"), output="out")
    assert result.drift is None and "  drift " not in result.summary()


def test_a_source_alone_grows_evenly(small: Small, fields: Fields) -> None:
    sim.run(small((8, 9), initial__u=1.0, equation__source=3.0, time__end=0.5), output="out")
    np.testing.assert_allclose(fields(Path("out"))[-1], 1 + 3 * 0.5, rtol=1e-12)


def test_a_source_with_a_shape_reaches_its_steady_state(small: Small, fields: Fields) -> None:
    """α u'' + q = 0 with q = α (π/L)² sin(πx/L) and walls at 0: u = sin(πx/L), up to O(h²)."""
    length = 0.5 + 0.1 * 40
    source = f"0.7 * (pi/{length})**2 * sin(pi*x/{length})"
    table = small((40,), boundary__x="dirichlet", initial__u=0.0, equation__source=source, time__end=60.0)
    sim.run({**table, "output": {}}, output="out")
    x = (np.arange(40) + 0.5) * length / 40
    np.testing.assert_allclose(fields(Path("out"))[-1], np.sin(np.pi * x / length), atol=1e-3)


@pytest.mark.parametrize("shape", [(30,), (14, 18), (8, 9, 10)])
def test_stencils_agree_to_rounding(small: Small, shape: tuple[int, ...], fields: Fields) -> None:
    for form in ("conv", "slices"):
        sim.run(small(shape, numerics__stencil=form, time__end=0.3), output=form)
    for one, other in zip(fields(Path("conv")), fields(Path("slices")), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


# ------------------------------------------------------------------------------------------------------------ hillslope


def dem() -> dict[str, np.ndarray]:
    folder = Path(pytest.importorskip("matplotlib").get_data_path())
    return dict(np.load(folder / "sample_data" / "jacksboro_fault_dem.npz"))


def test_the_spacing_of_hillslope_follows_from_its_degrees() -> None:
    """Lengths of a degree on the WGS 84 ellipsoid at the mean latitude."""
    data, grid = dem(), casefile.load("hillslope").to_grid()
    a, f = 6378137.0, 1 / 298.257223563
    e2 = f * (2 - f)
    latitude = math.radians((float(data["ymin"]) + float(data["ymax"])) / 2)
    w = 1 - e2 * math.sin(latitude) ** 2
    north = math.radians(1) * a * (1 - e2) / w**1.5
    east = math.radians(1) * a * math.cos(latitude) / math.sqrt(w)
    assert grid.shape == data["elevation"].shape == (344, 403)
    expected = (float(data["dy"]) * north, float(data["dx"]) * east)
    assert grid.spacing == pytest.approx(expected, rel=1e-5)


def test_hillslope_creeps(fields: Fields) -> None:
    result = serial("hillslope")
    elevation = dem()["elevation"]
    snapshots = fields(Path("out"))
    assert len(snapshots) == 11 and result.time == 5e6
    np.testing.assert_array_equal(snapshots[0], elevation[::-1])  # the file is north first, y grows northwards
    relief = [float(u.max() - u.min()) for u in snapshots]
    assert all(after < before for before, after in itertools.pairwise(relief))
    assert snapshots[-1].std() < 0.9 * snapshots[0].std()
    means = [u.mean(dtype=np.float64) for u in snapshots]
    np.testing.assert_allclose(means, elevation.mean(), rtol=1e-5)
    assert result.drift is not None and result.drift < 1e-5
