"""sim.run from beginning to end: what comes out, and what is said where nothing can."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim import casefile
from sim.errors import SimError

Small = Callable[..., dict[str, Any]]
Fields = Callable[[Path], list[np.ndarray]]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def serial(name: str, *overrides: str) -> sim.Result:
    return sim.run(name, output="out", overrides=["parallel.transport=serial", *overrides])


# ------------------------------------------------------------------------------------------------ known answers


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


# ---------------------------------------------------------------------------------------------------- hillslope


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


# ------------------------------------------------------------------------------------------- the same everywhere

CASES: dict[str, dict[str, Any]] = {
    "1-D float32 dirichlet": {
        "shape": (64,), "numerics__dtype": "float32", "boundary__x": {"kind": "dirichlet", "value": 0.5},
    },
    "1-D float64 periodic": {"shape": (64,)},
    "2-D float32 periodic": {"shape": (16, 24), "numerics__dtype": "float32"},
    "2-D float64 mixed": {
        "shape": (24, 16),
        "boundary__x": {"lower": {"kind": "neumann", "flux": 0.2}, "upper": "dirichlet"},
        "equation__source": "x*y",
    },
    "2-D float64 conv": {"shape": (16, 24), "numerics__stencil": "conv"},
    "3-D float32 mixed": {
        "shape": (8, 8, 16), "numerics__dtype": "float32", "boundary__y": "neumann", "equation__source": "sin(z)",
    },
    "3-D float64 dirichlet": {
        "shape": (8, 16, 8), "boundary": {key: {"kind": "dirichlet", "value": 1.0} for key in "xyz"},
    },
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def reference(request: pytest.FixtureRequest, small: Small, fields: Fields, tmp_path_factory: Any) -> Any:
    """A table, and bytes and result of its run on one device."""
    table = small(**request.param)
    folder = tmp_path_factory.mktemp("serial") / "out"
    result = sim.run(table, output=folder)
    assert result.transport == "serial" and result.steps >= 6
    return table, fields(folder), result


def check_same(reference: Any, result: sim.Result, fields: Fields) -> None:
    _, expected, serial_result = reference
    found = fields(Path("out"))
    assert [field.tobytes() for field in found] == [field.tobytes() for field in expected]
    assert found[0].dtype == expected[0].dtype and len(found) == len(expected)
    # Sums too are formed so that they do not depend on the blocks.
    assert result.statistics == serial_result.statistics and result.drift == serial_result.drift


@pytest.mark.parametrize("devices", [2, 4, 8])
def test_devices_give_the_same_bytes(reference: Any, devices: int, fields: Fields) -> None:
    table = {**reference[0], "parallel": {"transport": "xla", "devices": devices}}
    result = sim.run(table, output="out")
    assert result.transport == "xla" and math.prod(result.process_grid) == devices
    check_same(reference, result, fields)


@pytest.mark.long
@pytest.mark.parametrize("blocks", [(1, 4, 1), (2, 1, 2), (1, 1, 4), (4, 1, 1), (2, 2, 2), (1, 2, 4)])
def test_process_grids_give_the_same_bytes(reference: Any, blocks: tuple[int, ...], fields: Fields) -> None:
    names = tuple(reference[0]["grid"])
    if math.prod(blocks[: 3 - len(names)]) != 1:
        pytest.skip("cuts an axis that the grid does not have")
    wanted = blocks[3 - len(names) :]
    parallel = {"transport": "xla", "devices": math.prod(wanted), "process_grid": dict(zip(names, wanted, strict=True))}
    result = sim.run({**reference[0], "parallel": parallel}, output="out")
    assert tuple(result.process_grid) == wanted
    check_same(reference, result, fields)


def test_one_rank_of_mpi_gives_the_same_bytes(reference: Any, fields: Fields, single_rank_mpi: Any) -> None:
    result = sim.run({**reference[0], "parallel": {"transport": "mpi"}}, output="out")
    assert (result.transport, result.ranks) == ("mpi", 1)
    check_same(reference, result, fields)


# ------------------------------------------------------------------------------------- the caller's communicator


@pytest.mark.parametrize(
    "parallel",
    [
        {"transport": "serial"},
        {"transport": "mpi"},
        {"transport": "xla", "devices": 4},
        {"transport": "xla", "devices": 4, "process_grid": {"x": 2, "y": 2}},
    ],
    ids=str,
)
def test_a_communicator_of_one_rank_will_do(
    small: Small, single_rank_mpi: Any, parallel: dict[str, Any], fields: Fields
) -> None:
    """Such as COMM_SELF: each rank of a study runs a case of its own."""
    sim.run(small((16, 12)), output="serial")
    result = sim.run(small((16, 12), parallel=parallel), comm=single_rank_mpi.COMM_WORLD, output="out")
    assert result.transport == parallel["transport"] and result.ranks == 1
    assert [u.tobytes() for u in fields(Path("out"))] == [u.tobytes() for u in fields(Path("serial"))]


@pytest.mark.parametrize("fails", [False, True])
def test_communicators_are_given_back(small: Small, single_rank_mpi: Any, fails: bool) -> None:
    """An MPI has some thousands of them: a study of many runs must not use them up."""
    world = single_rank_mpi.COMM_WORLD
    table = small(parallel={"transport": "mpi"}, initial__u="log(-x)" if fails else 1.0)
    if fails:
        with pytest.raises(SimError):
            sim.run(table, comm=world, output="out")
    else:
        sim.run(table, comm=world, output="out")
    assert single_rank_mpi.alive == [world]


# ------------------------------------------------------------------------------------------------ times and steps


@pytest.mark.parametrize(("end", "every"), [(0.1, 0.03), (0.1, None), (0.3, 0.1), (1 / 3, 1 / 7), (1e-9, None)])
def test_the_end_is_hit_exactly(small: Small, end: float, every: float | None) -> None:
    result = sim.run({**small((9,), time__end=end), "output": {"every": every} if every else {}}, output="out")
    with h5py.File(result.series) as file:
        assert result.time == end == file["time"][-1]
        times, steps = file["time"][:], file["step"][:]
    assert steps[-1] == result.steps
    limit = casefile.load(small((9,))).to_grid().spacing[0] ** 2 / (2 * 0.7)
    assert (np.diff(times) / np.diff(steps) <= 0.9 * limit * (1 + 1e-9)).all()
    if every:
        np.testing.assert_allclose(times[:-1], np.arange(len(times) - 1) * every, rtol=1e-12)


def test_a_run_of_no_time_writes_the_initial_state(small: Small, fields: Fields) -> None:
    result = sim.run(small((9,), time__end=0.0, initial__u="x"), output="out")
    assert (result.steps, result.time, len(result.snapshots)) == (0, 0.0, 1)
    np.testing.assert_allclose(fields(Path("out"))[0], (np.arange(9) + 0.5) * 1.4 / 9)


def test_a_long_chunk_is_the_same_as_many_short_ones(
    small: Small, fields: Fields, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many steps are one call depends on the clock; the result must not."""
    table = small((20, 16), time__end=1.0)
    sim.run({**table, "output": {}}, output="a")
    monkeypatch.setattr("sim.chunks._SECONDS", 1e-9)
    sim.run({**table, "output": {}}, output="b")
    assert [u.tobytes() for u in fields(Path("a"))] == [u.tobytes() for u in fields(Path("b"))]


# ------------------------------------------------------------------------------------------------ what is left


def test_the_result_and_the_record(small: Small) -> None:
    result = sim.run(small((12, 16)), output="out")
    assert result.directory == Path("out").absolute() and next(path.name for path in result.snapshots) == "0.h5"
    left = {
        "case.toml",
        "run.json",
        "progress.json",
        "results.h5",
        "snapshots",
        "snapshots.vtkhdf.series",
        "checkpoints",
    }
    assert {entry.name for entry in Path("out").iterdir()} == left
    record = json.loads(Path("out/run.json").read_text())
    assert record["status"] == "complete"
    assert {"python", "jax", "numpy", "h5py"} <= set(record["versions"])
    assert record["transport"] == "serial" and record["process_grid"] == [1, 1] and record["ranks"] == 1
    assert record["steps"] == result.steps and record["time"] == result.time == 0.03
    assert all(record[key] >= 0 for key in ("setup_seconds", "compile_seconds", "march_seconds", "output_seconds"))
    assert json.loads(json.dumps(result.to_dict())) == result.to_dict()
    for word in ("t = 0.03", "cells/s", "GB/s", "min", "max", "mean", "drift", "out/results.h5"):
        assert word in result.summary()


def test_the_case_left_behind_runs_again(small: Small, fields: Fields) -> None:
    first = sim.run(small((12, 16)), output="a")
    sim.run(first.directory / "case.toml", output="b")
    assert [u.tobytes() for u in fields(Path("a"))] == [u.tobytes() for u in fields(Path("b"))]


def test_the_case_left_behind_still_finds_its_files(small: Small, fields: Fields) -> None:
    """It lies in another folder than the case file that a relative name starts from."""
    Path("study").mkdir()
    np.save("study/u.npy", np.arange(192.0).reshape(12, 16))
    case = casefile.load(small((12, 16), initial__u={"file": "u.npy"}))
    Path("study/mine.toml").write_text(casefile.to_toml(case))
    sim.run("study/mine.toml", output="a")
    sim.run("a/case.toml", output="b")
    assert [u.tobytes() for u in fields(Path("a"))] == [u.tobytes() for u in fields(Path("b"))]


def test_runs_by_default_get_directories_of_their_own(small: Small) -> None:
    made = [sim.run(small((9,))).directory for _ in range(2)]
    assert made == [Path("runs/small/001").absolute(), Path("runs/small/002").absolute()]
    assert Path("runs/small/latest").resolve() == Path("runs/small/002").resolve()


def test_a_directory_is_not_used_twice_unless_told_to(small: Small, fields: Fields) -> None:
    sim.run(small((9,), initial__u=1.0), output="out")
    with pytest.raises(SimError, match="already holds a run"):
        sim.run(small((9,), initial__u=2.0), output="out")
    assert (fields(Path("out"))[0] == 1).all()
    sim.run(small((9,), initial__u=2.0, time__end=0.01), output="out", overwrite=True)
    assert [u[0] for u in fields(Path("out"))] == pytest.approx([2.0, 2.0])


# -------------------------------------------------------------------------------------------------- what is refused

REFUSED = {
    "an unstable step": (["time.step=1.0"], ["time.step = 1", "unstable", "at most"]),
    "a formula that is not finite": (["initial.u=log(x - 0.2)"], ["initial.u", "nan", "x = "]),
    "a source that is not finite": (["equation.source=1/(x-x)"], ["equation.source", "inf"]),
    "a file that is missing": (["initial.u={file='none.npy'}"], ["initial.u", "none.npy"]),
    "a file of another shape": (["initial.u={file='field.npy'}"], ["initial.u", "(3, 4)", "(12, 16)"]),
    "a process grid of another size": (["parallel.process_grid={x=2}"], ["x=2", "1 ranks"]),
    "a grid too small": (
        ["grid.x.cells=2", "grid.y.cells=2", "parallel.transport=xla", "parallel.devices=8"],
        ["2 × 2 cells", "8 blocks"],
    ),
    "too many devices": (["parallel.transport=xla", "parallel.devices=4000"], ["4000"]),
    "too many steps": (["time.end=1e300"], ["steps"]),
    "an unknown key": (["grid.x.sells=3"], ["grid.x.sells"]),
    "a number too large for its type": (["numerics.dtype=float32", "initial.u=1e39"], ["initial.u"]),
    "a formula too large for its type": (["numerics.dtype=float32", "initial.u=1e39*x"], ["initial.u"]),
    "a number too large, and no steps": (
        ["numerics.dtype=float32", "initial.u=1e39", "time.end=0.0"],
        ["initial.u"],
    ),
    "a coefficient too large for its type": (
        ["numerics.dtype=float32", "equation.alpha=1e39"],
        ["equation.alpha is 1e+39", "finite in float32"],
    ),
    "a coefficient of a member too large": (
        ["numerics.dtype=float32", "ensemble.vary={'equation.alpha' = [1.0, 1e39]}"],
        ["member 1: equation.alpha is 1e+39", "finite in float32"],
    ),
    "a coefficient too small for its type": (
        ["numerics.dtype=float32", "equation.alpha=1e-50"],
        ["equation.alpha is 1e-50, which is 0 in float32", 'or numerics.dtype = "float64"'],
    ),
    "a formula too small for its type": (
        ["numerics.dtype=float32", "equation.alpha=1e-50*x", "parallel.transport=virtual", "parallel.blocks=3"],
        ["equation.alpha is 2.03438e-50 at most, which is 0 in float32"],
    ),
    "a number too small for its type, beside fields": (
        ["numerics.dtype=float32", "equation.alpha=1e-50*u**2"],
        ["equation: a number is 1e-50, which is 0 in float32"],
    ),
    "a number too large for its type, beside fields": (
        ["numerics.dtype=float32", "equation.alpha=u**2/1e50"],
        ["equation: a number is 1e+50", "finite in float32"],
    ),
    "a member's coefficient too small for its type": (
        ["numerics.dtype=float32", "ensemble.vary={'equation.alpha' = [1.0, 1e-50]}"],
        ["member 1: equation.alpha is 1e-50, which is 0 in float32"],
    ),
    "an initial field of subnormal numbers": (
        ["initial.u=1e-310"],
        ["initial.u is 1e-310 at most, which is 0 in float64"],
    ),
    "an axis too long": (["grid.x.upper=1e300"], ["grid.x"]),
    "an axis too short": (["grid.x.upper=1e-170"], ["grid.x"]),
    "bounds too far apart": (["grid.x.lower=-1e308", "grid.x.upper=1e308"], ["grid.x"]),
    "an axis far from its origin": (
        ["grid.x.lower=1e15", "grid.x.upper=1000000000000001.0"],
        [
            "grid.x: ",
            "cells 0.0625 wide are too small for coordinates like 1e+15",
            "to 0.12; count from an origin nearby",
        ],
    ),
    "a diffusivity too large": (["equation.alpha=1e308"], ["alpha"]),
    "too many outputs": (["time.end=1e300", "output.every=1e-300", "equation.alpha=0.0"], ["output.every"]),
}


@pytest.mark.parametrize(
    "override",
    ["equation.alpha=exp(-1e3*x**2)", "equation.alpha=0*x", "initial.u=exp(-1e3*x**2)", "exact={u='1e-310*t'}"],
)
def test_what_vanishes_in_some_cells_or_with_time_is_not_refused(small: Small, override: str) -> None:
    """A cell is 0.13 wide, and the last one's number is 0 even in float64."""
    assert sim.run(small((12, 16)), overrides=["numerics.dtype=float32", override]).steps > 0


@pytest.mark.parametrize(("overrides", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_run_is_refused_and_leaves_nothing(small: Small, overrides: list[str], words: list[str]) -> None:
    np.save("field.npy", np.zeros((3, 4)))
    with pytest.raises(SimError) as caught:
        sim.run(small((12, 16)), overrides=overrides)
    assert all(word in str(caught.value) for word in words), caught.value
    assert {entry.name for entry in Path().iterdir()} == {"field.npy"}


@pytest.mark.parametrize("where", ["file/below", "/proc/none/here", "file"])
def test_output_that_cannot_be_written(small: Small, where: str) -> None:
    Path("file").write_text("mine")
    with pytest.raises(SimError, match=re.escape(where)):
        sim.run(small((9,)), output=where)
    assert Path("file").read_text() == "mine"


@pytest.mark.parametrize(
    "overrides",
    [["initial.u=1e200", "exact.u='0'"], ["initial.u=1e308"], ["initial.u=1e308", "time.end=0.0"]],
    ids=str,
)
def test_numbers_that_overflow_in_a_sum_are_no_bug(small: Small, overrides: list[str]) -> None:
    """A mean or an error beyond the range of numbers: a refusal or a result, but one that JSON can hold."""
    try:
        result = sim.run(small((12, 16)), output="out", overrides=overrides)
    except SimError:
        return
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["steps"] == result.steps


def blowing_up(small: Small, parallel: dict[str, Any]) -> dict[str, Any]:
    """u = 4e37 t without diffusion, in float32: from t = 3, step 6, on the sum of four neighbours is too large."""
    table = small((8, 12), numerics__dtype="float32", initial__u=0.0, equation__alpha=0.0, parallel=parallel)
    table["equation"]["source"] = 4e37
    table["time"], table["output"] = {"end": 10.0, "step": 0.5}, {"every": 1.0}
    return table


@pytest.mark.long
@pytest.mark.parametrize(
    "parallel", [{"transport": "serial"}, {"transport": "xla", "devices": 4}, {"transport": "mpi"}]
)
def test_a_blow_up_names_step_and_time_and_keeps_the_last_good_snapshot(
    small: Small, parallel: dict[str, Any], single_rank_mpi: Any, fields: Fields
) -> None:
    with pytest.raises(SimError) as caught:
        sim.run(blowing_up(small, parallel), output="out")
    message = str(caught.value)
    step, time = re.search(r"at step (\d+), t = ([\d.]+)", message).groups()  # type: ignore[union-attr]
    assert (int(step), float(time)) in ((6, 3.0), (7, 3.5), (8, 4.0))
    assert "96 of 96" in message and "snapshot 2 at t = 2" in message
    snapshots = fields(Path("out"))
    assert len(snapshots) == 3 and all(np.isfinite(u).all() for u in snapshots)
    assert snapshots[2] == pytest.approx(8e37)
    with h5py.File("out/results.h5") as file:
        assert file["u"].shape == (3, 8, 12) and file["time"][:].tolist() == [0, 1, 2]
    record = json.loads(Path("out/run.json").read_text())
    assert record["status"] == "failed" and "blew up" in record["error"]
    assert not list(Path("out").rglob("*.part"))


def test_one_broken_cell_is_found(small: Small) -> None:
    """Also where it is the last of the last block."""
    table = small((8, 8), initial__u="where((x > 1.2) & (y > 1.2), 1.5e308, 0)", equation__alpha=1.0)
    table["equation"]["source"] = "where((x > 1.2) & (y > 1.2), 1e308, 0)"
    table["time"], table["output"] = {"end": 1.0, "step": 0.005}, {}
    table["parallel"] = {"transport": "xla", "devices": 4}
    table["equation"]["alpha"] = 0.0
    with pytest.raises(SimError, match=r"[1-9]\d* of 64 cells"):
        sim.run(table, output="out")


def test_mpi_wanted_but_not_installed(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mpi4py", None)
    with pytest.raises(SimError, match="mpi4py"):
        sim.run(small((9,), parallel={"transport": "mpi"}), output="out")


def test_mpi4py_without_mpi4jax(small: Small, single_rank_mpi: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mpi4jax", None)
    with pytest.raises(SimError, match="mpi4jax.*; install it with"):
        sim.run(small((9,), parallel={"transport": "mpi"}), output="out")
    assert not Path("out").exists()


def test_an_mpi4jax_of_another_mpi_is_not_to_be_installed_again(
    small: Small, single_rank_mpi: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mpi4jax.py").write_text("raise ImportError('libfabric.so.1: version not found')")
    monkeypatch.syspath_prepend(tmp_path)
    with monkeypatch.context() as patch:
        patch.delitem(__import__("sys").modules, "mpi4jax")
        with pytest.raises(SimError, match=r"libfabric.so.1: version not found; `python -m sim doctor` says how"):
            sim.run(small((9,), parallel={"transport": "mpi"}), output="out")
