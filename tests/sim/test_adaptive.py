"""Cases whose steps are as long as their errors allow, from the case file to the message where none will do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from sim import casefile, run
from sim.cli import main
from sim.driver import resume
from sim.errors import SimError
from sim.looking.recorded import read_run
from sim.schedule import Plan, Position, Segment, plan

Table = dict[str, Any]


def pulse(**tables: Any) -> Table:
    """Two fields that react and diffuse, a wall that is heated suddenly, a source that moves, a probe."""
    case = {
        "name": "pulse",
        "grid": {"x": {"cells": 26}, "y": {"cells": 19}},
        "equation": {"u": "0.02*laplace(u) + u - u**3 - v", "v": "0.05*laplace(v) + 3*(u - v)"},
        "initial": {"u": "sin(3*x)*cos(2*y)", "v": 0.0},
        "boundary": {
            "x": {"lower": {"kind": "dirichlet", "value": "tanh(500*(t - 0.06))"}, "upper": "neumann"},
            "y": "periodic",
        },
        "time": {"end": 0.2, "integrator": "bs23", "tolerance": 1e-5},
        "numerics": {"dtype": "float64"},
        "sources": [{"at": {"x": "0.4 + t", "y": 0.5}, "strength": 0.5}],
        "output": {"every": 0.07},
        "probes": {"every": 5, "points": {"middle": {"at": {"x": 0.5, "y": 0.5}}}},
    }
    return {**case, **tables}


def series(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {name: file[name][()] for name in ("u", "time", "step")}


def same(found: Path, expected: Path) -> None:
    for name, values in series(found / "results.h5").items():
        np.testing.assert_array_equal(values, series(expected / "results.h5")[name], err_msg=name)
    assert (found / "probes.h5").read_bytes() == (expected / "probes.h5").read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("whole")
    return run(pulse(parallel={"transport": "serial"}), output=folder / "run")


def test_steps_are_short_where_something_happens(whole: Any) -> None:
    assert whole.adapted.rejected > 2 and whole.adapted.longest > 5 * whole.adapted.shortest
    assert f"{whole.adapted.rejected} more steps rejected" in whole.summary()
    found = series(whole.series)
    np.testing.assert_allclose(found["time"], [0.0, 0.07, 0.14, 0.2], rtol=0, atol=1e-15)
    # The wall is heated in the first of three intervals; the last is a little shorter.
    first, second, third = np.diff(found["step"])
    assert first > second and whole.steps == found["step"][-1] == first + second + third
    record = json.loads((whole.directory / "run.json").read_text())
    assert record["adapted"]["rejected"] == whole.adapted.rejected and record["integrator"] == "bs23"


def test_probes_know_when_their_steps_were(whole: Any) -> None:
    with h5py.File(whole.directory / "probes.h5") as file:
        steps, times = file["step"][:], file["time"][:]
    np.testing.assert_array_equal(steps, np.arange(0, whole.steps + 1, 5))
    assert (np.diff(times) > 0).all() and np.ptp(np.diff(times)) > 1e-3


@pytest.mark.long
@pytest.mark.parametrize(
    "parallel",
    [
        {"transport": "virtual", "blocks": 6},
        {"transport": "xla", "devices": 3, "ghost_depth": 2},
        {"transport": "xla", "devices": 8, "ghost_depth": 1},
        {"transport": "serial", "ghost_depth": 4, "tile": [5]},
    ],
    ids=str,
)
def test_the_same_bits_and_steps_on_every_transport(parallel: Table, whole: Any, tmp_path: Path) -> None:
    found = run(pulse(parallel=parallel), output=tmp_path / "run")
    same(found.directory, whole.directory)
    assert found.adapted == whole.adapted


@pytest.mark.long
def test_it_goes_on_from_any_step_on_other_blocks(whole: Any, tmp_path: Path) -> None:
    table = {"every": 17, "keep": 20}
    run(pulse(checkpoint=table, parallel={"transport": "serial"}), output=tmp_path / "whole")
    same(tmp_path / "whole", whole.directory)
    made = sorted(int(path.name) for path in (tmp_path / "whole" / "checkpoints").iterdir())
    for at in (made[1], made[-2]):
        shutil.copytree(tmp_path / "whole", tmp_path / "cut")
        for later in made[made.index(at) + 1 :]:
            shutil.rmtree(tmp_path / "cut" / "checkpoints" / str(later))
        resumed = resume(tmp_path / "cut", overrides=["parallel.transport=virtual", "parallel.blocks=3"])
        same(tmp_path / "cut", whole.directory)
        assert resumed.adapted == whole.adapted and resumed.steps == whole.steps
        shutil.rmtree(tmp_path / "cut")


@pytest.mark.long
def test_it_goes_on_beyond_the_end(whole: Any, tmp_path: Path) -> None:
    further = ["time.end=0.21"]
    expected = run(pulse(), output=tmp_path / "expected", overrides=further)
    short = run(pulse(), output=tmp_path / "run", overrides=["time.end=0.14"])
    assert short.steps < expected.steps
    resumed = resume(tmp_path / "run", overrides=further)
    same(resumed.directory, expected.directory)


def test_what_acts_at_given_times_acts_then(tmp_path: Path) -> None:
    """u' = 0, so that one step would do; doubled at t = 0.3 exactly, not at the end of a longer step."""
    case = pulse(
        equation={"u": "0*u"},
        initial={"u": 1.0},
        boundary={"x": "periodic", "y": "periodic"},
        sources=[],
        regions=[{"box": {"x": [0.0, 1.0]}, "add": "t", "times": [0.3, 0.5]}],
        time={"end": 1.0, "integrator": "bs23"},
        output={"every": 0.5},
        exact={"u": "1.8"},
        probes=None,
    )
    result = run(case, output=tmp_path / "run")
    assert result.errors is not None and result.errors["u"]["max"] < 1e-12 and len(result.snapshots) == 3
    assert series(result.series)["u"][1].max() == pytest.approx(1.8)


@pytest.mark.long
@pytest.mark.parametrize("at_once", [False, True])
def test_each_member_has_the_steps_of_its_own_run(at_once: bool, tmp_path: Path) -> None:
    speeds = [0.02, 0.5]
    one = pulse(
        grid={"x": {"cells": 23}},
        equation={"u": "a*laplace(u) + 4*u*(1 - u)", "parameters": {"a": 0.1}},
        initial={"u": "sin(pi*x)**2"},
        boundary={"x": {"lower": {"kind": "dirichlet", "value": "tanh(500*(t - 0.06))"}, "upper": "neumann"}},
        sources=[],
        probes=None,
        time={"end": 0.2, "integrator": "bs23", "step": 1e-4},
    )
    both = {**one, "ensemble": {"kind": "zip", "vary": {"equation.parameters.a": speeds}}}
    table = {"parallel": {"transport": "virtual", "blocks": 2, "members_at_once": at_once}}
    found = run({**both, **table, "checkpoint": {"every": 20, "keep": 9}}, output=tmp_path / "both")
    steps, fields = [], series(found.series)["u"]
    for number, speed in enumerate(speeds):
        alone = run(one, output=tmp_path / str(number), overrides=[f"equation.parameters.a={speed}"])
        np.testing.assert_array_equal(fields[number], series(alone.series)["u"])
        steps.append(np.diff(series(alone.series)["step"]))
    assert (steps[0] != steps[1]).any()
    np.testing.assert_array_equal(np.diff(series(found.series)["step"]), np.max(steps, axis=0))
    for later in sorted((tmp_path / "both" / "checkpoints").iterdir(), key=lambda path: int(path.name))[1:]:
        shutil.rmtree(later)
    resumed = resume(tmp_path / "both")
    np.testing.assert_array_equal(series(resumed.series)["u"], fields)
    assert resumed.adapted == found.adapted


@pytest.mark.long
@pytest.mark.parametrize("place", [{"transport": "serial"}, {"transport": "xla", "devices": 2}], ids=str)
def test_probes_of_members_know_where_each_of_them_is(place: Table, tmp_path: Path) -> None:
    """u' = r u, and a wall's flux that depends on time: right at the times that a row says, whoever is ahead."""
    case = pulse(
        grid={"x": {"cells": 8}},
        equation={"u": "r*u", "parameters": {"r": 1.0}},
        initial={"u": 1.0},
        boundary={"x": {"kind": "dirichlet", "value": "sin(9*t)"}},
        time={"end": 1.0, "integrator": "bs23", "step": 0.01, "tolerance": 1e-8},
        sources=[],
        output={"every": 0.5},
        parallel=place,
        probes={
            "every": 3,
            "points": {"middle": {"at": {"x": 0.5}}},
            "sides": {"wall": {"side": "x.upper", "measure": "mean"}},
        },
        ensemble={"kind": "zip", "vary": {"equation.parameters.r": [1.0, 3.0]}},
        checkpoint={"every": 10, "keep": 9},
    )
    result = run(case, output=tmp_path / "run")
    rates = np.array([[1.0], [3.0]])

    def check() -> bytes:
        with h5py.File(tmp_path / "run" / "probes.h5") as file:
            times, middle, wall = (file[name][:] for name in ("time", "middle", "wall"))
            assert times.shape == middle.shape == (2, len(file["step"])) and (times[0] != times[1]).any()
            assert [dim[0].name for dim in file["middle"].dims] == ["/member", "/step"]
        np.testing.assert_allclose(middle, np.exp(rates * times), rtol=1e-6)
        np.testing.assert_allclose(wall, np.sin(9 * times), atol=1e-12)
        return (tmp_path / "run" / "probes.h5").read_bytes()

    whole = check()
    for later in sorted((tmp_path / "run" / "checkpoints").iterdir(), key=lambda path: int(path.name))[1:]:
        shutil.rmtree(later)
    assert resume(tmp_path / "run").adapted == result.adapted and check() == whole


def test_a_solution_that_blows_up_is_followed_as_far_as_it_goes(tmp_path: Path) -> None:
    """u' = u² from 2 has no value at t = 1/2."""
    case = pulse(
        grid={"x": {"cells": 8}},
        equation={"u": "u**2"},
        initial={"u": 2.0},
        boundary={"x": "periodic"},
        time={"end": 1.0, "integrator": "bs23"},
        output={"every": 0.2},
        sources=[],
        probes=None,
    )
    with pytest.raises(SimError, match=r"shorter than .* at t = 0\.5.*; snapshot 2 at t = 0\.4 is the last good one"):
        run(case, output=tmp_path / "run")
    np.testing.assert_allclose(series(tmp_path / "run" / "results.h5")["u"][-1], 10.0, rtol=1e-4)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "failed"


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"time": {"end": 1.0, "tolerance": 1e-4}}, "for integrator = "),
        ({"time": {"end": 1.0, "integrator": "rk4", "longest": 1e-4}}, "for integrator = "),
        ({"time": {"end": 1.0, "integrator": "bs23", "tolerance": 1.5}}, "time.tolerance"),
        ({"time": {"end": 1.0, "integrator": "bs23", "stages": 5}}, "stages are for rkl1"),
        ({"time": {"end": 1.0, "integrator": "bs23", "tolerance": 1e-16}}, "is what float64 is rounded by"),
        (
            {"numerics": {"dtype": "float32"}, "time": {"end": 1.0, "integrator": "bs23", "tolerance": 1e-8}},
            'at least 1e-06, or take numerics.dtype = "float64"',
        ),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_said(tables: Table, message: str) -> None:
    with pytest.raises(SimError, match=message):
        casefile.load(pulse(**tables))


def test_how_far_it_is_is_told_by_the_time(whole: Any, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads((whole.directory / "progress.json").read_text())
    assert told["steps"] is None and told["time"] == told["end"] == 0.2
    (whole.directory / "progress.json").write_text(json.dumps({**told, "time": 0.05, "step": 3}))
    try:
        progress = read_run(whole.directory).progress
        assert progress is not None and progress.fraction == 0.25
    finally:
        (whole.directory / "progress.json").write_text(json.dumps(told))
    for command in ("info", "report", "watch"):
        assert main([command, str(whole.directory)]) == 0
    assert "step" in capsys.readouterr().out


def test_a_plan_knows_its_stages_and_not_its_steps(capsys: pytest.CaptureFixture[str]) -> None:
    sets = ["--set", "time.integrator=bs23", "--set", "time.step=1e-6"]
    assert main(["plan", "--ranks", "4", "--json", *sets]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["steps"] is None and set(found["seconds_a_step_by_depth"]) == {"1", "2"}


def test_plans_of_steps_that_will_be_seen() -> None:
    found = plan(1.0, 0.4, None, stops=[0.4, 0.5, 2.0])
    assert [(s.start, s.stop) for s in found.segments] == [(0.0, 0.4), (0.4, 0.5), (0.5, 0.8), (0.8, 1.0)]
    assert found.steps is None and [leg.reached for leg in found.legs()] == [0.0, 0.4, 0.5, 0.8]
    half_way = Position(Segment(0.5, 0.8, 0), 0, 0.7)
    assert not half_way.arrived and half_way.time == 0.7
    left = plan(1.0, 0.4, None, stops=[0.5], at=half_way)
    assert left == Plan(found.segments[2:], 0, 0.7) and next(left.legs()) == half_way
    assert plan(1.0, 0.4, None, stops=[0.5], at=half_way.segment.end) == Plan(found.segments[3:])
    other = plan(1.0, 0.75, None, at=half_way)
    assert [(s.start, s.stop) for s in other.segments] == [(0.7, 0.75), (0.75, 1.0)]
