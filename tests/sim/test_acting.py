"""Sources, regions and probes in a case: what fits the grid and the equation, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim import casefile
from sim.errors import SimError
from sim.output.timeseries import TimeSeries
from sim.plan.foresight import foresee
from sim.problem import build

Table = dict[str, Any]

GOOD: Table = {
    "sources": [{"at": {"x": "0.3 + t", "y": 0.4}, "strength": "10 * cos(t)"}],
    "regions": [
        {"box": {"x": [0.1, 0.5]}, "multiply": "1 - 0.1 * u", "times": [0.001]},
        {"ball": {"centre": {"x": 0.5, "y": 0.5}, "radius": 0.2}, "max": 0.1},
        {"where": "x > y", "apply": "u * (1 - 0.01 * x)"},
    ],
    "probes": {
        "every": 3,
        "points": {"a": {"at": {"x": 0.5, "y": 0.5}}},
        "regions": {"b": {"where": "x < 0.5", "measure": "integral"}},
        "sides": {"c": {"side": "y.upper", "measure": "mean"}},
    },
}

PROBES: Table = {
    "points": {"at": {"x": 0.5, "y": 0.5}},
    "regions": {"where": "x < 0.5"},
    "sides": {"side": "y.upper"},
}

BAD: dict[str, tuple[Table, str]] = {
    "another field": ({"sources": [{"field": "v", "at": {"x": 0, "y": 0}, "strength": 1}]}, r"sources\.0\.field: v"),
    "an axis too few": ({"sources": [{"at": {"x": 0.0}, "strength": 1.0}]}, r"sources\.0\.at has x; the grid has x"),
    "an axis too many": ({"probes": {"points": {"a": {"at": {"x": 0.0, "y": 0.0, "z": 0.0}}}}}, r"points\.a\.at has"),
    "a place that knows x": ({"sources": [{"at": {"x": "x", "y": 0.0}, "strength": 1.0}]}, r"at\.x: unknown name 'x'"),
    "no shape": ({"regions": [{"set": 1.0}]}, "exactly one of box, ball, where; got none"),
    "two shapes": ({"regions": [{"where": "x > 0", "box": {}, "set": 1.0}]}, "got box and where"),
    "no operation": ({"regions": [{"where": "x > 0"}]}, "exactly one of set, add"),
    "two operations": ({"regions": [{"where": "x > 0", "set": 1.0, "max": 2.0}]}, "got set and max"),
    "a formula of nothing": ({"regions": [{"where": "x > 0", "apply": "w + 1"}]}, "unknown name 'w'"),
    "a time that is none": ({"regions": [{"where": "x > 0", "set": 1.0, "times": [-1.0]}]}, r"regions\.0\.times"),
    "a time twice": ({"regions": [{"where": "x > 0", "set": 1.0, "times": [0.1, 0.2, 0.1]}]}, "0.1 twice"),
    "bounds in the wrong order": (
        {"regions": [{"box": {"x": [0.8, 0.2]}, "set": 1.0}]},
        r"box\.x = \[0\.8, 0\.2\] is e",
    ),
    "a box beyond the grid": (
        {"probes": {"regions": {"a": {"box": {"y": [5.0, 6.0]}}}}},
        r"a\.box\.y = .* holds no centre",
    ),
    "a box between two cells": ({"regions": [{"box": {"x": [0.21, 0.31]}, "set": 1.0}]}, "holds no centre of a cell"),
    "a ball between cells": (
        {"regions": [{"ball": {"centre": {"x": 0.26, "y": 0.28}, "radius": 0.01}, "set": 1.0}]},
        r"regions\.0\.ball holds no centre",
    ),
    "no such side": ({"probes": {"sides": {"c": {"side": "z.upper"}}}}, "no axis z"),
    "no probes": ({"probes": {"every": 2}}, "neither points nor regions nor sides"),
    "a name twice": (
        {"probes": {"sides": {"a": {"side": "x.lower"}}, "regions": {"a": {"where": "x>0"}}}},
        "a is taken",
    ),
    **{
        f"{kind} {name!r}": ({"probes": {kind: {name: probe}}}, rf"probes\.{kind}\..*should match pattern")
        for kind, probe in PROBES.items()
        for name in (".", "", "time/b", "a/b", "ü", "a" * 65)
    },
}


BEYOND = {
    "source": {"sources": [{"at": {"x": 2.2, "y": 0.4}, "strength": 1.0}]},
    "formula": {"sources": [{"at": {"x": "-pi", "y": 0.4}, "strength": 1.0}]},
    "no number": {"sources": [{"at": {"x": "1 / 0", "y": 0.4}, "strength": 1.0}]},
    "probe": {"probes": {"points": {"a": {"at": {"x": -0.1, "y": 0.5}}}}},
}


@pytest.mark.parametrize("table", BEYOND.values(), ids=BEYOND)
def test_a_point_that_stays_lies_in_the_grid(table: Table, small: Callable[..., Table]) -> None:
    with pytest.raises(SimError, match=r"at\.x = \S+ lies beyond the grid, which is \[0, 2\.1\] along x"):
        casefile.load({**small(boundary__x="neumann"), **table})
    if table is not BEYOND["no number"]:  # around a ring every point does
        casefile.load({**small(), **table})


def test_points_on_the_edges_and_those_that_move_are_fine(small: Callable[..., Table]) -> None:
    case = small(boundary=dict.fromkeys("xy", "neumann"))
    corners = [{"x": 0.0, "y": 1.7}, {"x": "4.2 / 2", "y": 0.0}, {"x": "9 - t", "y": "-t"}]
    case["sources"] = [{"at": at, "strength": 1.0} for at in corners]
    case["probes"] = {"points": {"a": {"at": {"x": 2.1, "y": 1.7}}}}
    loaded = casefile.load(case)
    assert [source.at.model_dump(exclude_none=True) for source in loaded.sources] == corners


def test_all_kinds_are_a_case_that_survives_toml(small: Callable[..., Table]) -> None:
    case = casefile.load({**small(), **GOOD})
    import tomllib

    again = casefile.load(tomllib.loads(casefile.to_toml(case)))
    assert again == case


@pytest.mark.parametrize(("table", "message"), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_named(table: Table, message: str, small: Callable[..., Table]) -> None:
    with pytest.raises(SimError, match=message):
        casefile.load({**small(), **table})


@pytest.mark.long
def test_they_act_alike_everywhere(small: Callable[..., Table], tmp_path: Path) -> None:
    case = {**small(), **GOOD}
    quiet = sim.run(small(), output=tmp_path / "quiet")
    found = []
    for number, parallel in enumerate([{}, {"transport": "virtual", "blocks": 4}, {"ghost_depth": 3, "tile": [2]}]):
        result = sim.run({**case, "parallel": parallel}, output=tmp_path / str(number))
        with h5py.File(result.snapshots[-1]) as file:
            found.append((file["u"][:].tobytes(), (result.directory / "probes.h5").read_bytes()))
    assert found[0] == found[1] == found[2]
    with h5py.File(quiet.snapshots[-1]) as file:
        assert file["u"][:].tobytes() != found[0][0]


def test_records_fall_due_by_the_step_and_go_on_after_a_restart(small: Callable[..., Table], tmp_path: Path) -> None:
    case = {**small(), **GOOD}
    result = sim.run(case, output=tmp_path / "whole")
    with h5py.File(result.directory / "probes.h5") as file:
        np.testing.assert_array_equal(file["step"][:], np.arange(0, result.steps + 1, 3))
        assert file["time"][-1] == pytest.approx(result.time * (result.steps // 3 * 3) / result.steps, rel=5e-2)
        assert file["b"].dims[0][0].name == "/time"
        half = float(file["time"][len(file["time"]) // 2])
    sim.run(case, output=tmp_path / "parts", overrides=[f"time.end={half}"])
    sim.resume(tmp_path / "parts", overrides=[f"time.end={result.time}"])
    with h5py.File(tmp_path / "parts" / "probes.h5") as file:
        assert file["step"][0] == 0 and (np.diff(file["step"][:]) == 3).all()
        assert file["time"][-1] > half


def test_a_series_is_read_up_to_a_step(small: Callable[..., Table], tmp_path: Path) -> None:
    series = TimeSeries(["a", "b"])
    for step in (3, 6, 9):
        series.append(step, np.array([step / 10, 1.0 * step, np.nan]))
    series.write(tmp_path / "probes.h5", casefile.load(small()))
    again = series.read(tmp_path / "probes.h5", until=6)
    assert again.steps == [3, 6]
    np.testing.assert_array_equal(again.rows, series.rows[:2])
    with pytest.raises(SimError, match="can't be read"):
        TimeSeries(["a", "c"]).read(tmp_path / "probes.h5", until=6)


@pytest.mark.parametrize("time", [{"step": 0.05}, {"step": 0.001}, {}, {"integrator": "rkl2", "stages": 9}], ids=str)
def test_each_of_several_times_counts_however_long_the_steps_are(time: Table, tmp_path: Path) -> None:
    case = {
        "name": "times",
        "grid": {"x": {"cells": 16, "upper": 2.0}},
        "equation": {"kind": "heat", "alpha": 0.1},
        "initial": {"u": 0.0},
        "boundary": {"x": "neumann"},
        "time": {"end": 0.1, **time},
        "regions": [{"where": "x > -1", "add": "t", "times": [0.001, 0.0305, 0.05, 0.1]}],
        "exact": {"u": "0.1815"},
    }
    result = sim.run(case, output=tmp_path / "run")
    assert result.errors is not None and result.errors["u"]["max"] < 1e-7


TWICE: dict[str, tuple[list[list[float]], Table, float]] = {
    "of two regions": ([[0.3], [0.1 + 0.2]], {}, 2.0),
    "of one": ([[0.3, 0.1 + 0.2]], {}, 1.0),
    "just after an output": ([[0.5 + 5e-9]], {"every": 0.5}, 1.0),
    "just before an output": ([[0.5 - 1e-10]], {"every": 0.5, "extra": {"often": {"every": 0.05}}}, 1.0),
}


@pytest.mark.parametrize(("times", "output", "expected"), TWICE.values(), ids=TWICE)
@pytest.mark.parametrize("integrator", ["euler", "bs23"])
def test_times_that_nearly_meet_act_once_each(
    times: list[list[float]], output: Table, expected: float, integrator: str, tmp_path: Path
) -> None:
    case = {
        "name": "near",
        "grid": {"x": {"cells": 8}},
        "equation": {"u": "0*u"},
        "initial": {"u": 0.0},
        "boundary": {"x": "periodic"},
        "time": {"end": 1.0, "step": 0.01, "integrator": integrator},
        "regions": [{"where": "x > 0", "add": 1.0, "times": moments} for moments in times],
        "output": output,
    }
    result = sim.run(case, output=tmp_path / "run")
    assert result.statistics["u"]["max"] == expected
    with h5py.File(result.series) as file:
        assert (np.diff(file["time"][:]) > 1e-4).all()


def test_a_source_that_is_nowhere_is_noticed(small: Callable[..., Table], tmp_path: Path) -> None:
    source = {"at": {"x": "log(t - 9)", "y": 0.5}, "strength": 1.0}
    with pytest.raises(SimError, match=r"blew up: .* check initial, equation.source, walls, \[\[sources\]\]"):
        sim.run({**small(), "sources": [source]}, output=tmp_path / "run")


NOWHERE: dict[str, Table] = {
    "regions.0": {"regions": [{"where": "x > 99", "set": 1.0}]},
    "probes.regions.a": {"probes": {"regions": {"a": {"where": "x > 99", "measure": "integral"}}}},
}


@pytest.mark.parametrize("key", NOWHERE)
def test_a_formula_that_holds_nowhere_is_named(key: str, small: Callable[..., Table], tmp_path: Path) -> None:
    case, message = {**small(), **NOWHERE[key]}, rf'^{key}\.where = "x > 99" holds at no centre of a cell'
    with pytest.raises(SimError, match=message):
        sim.run(case, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(SimError, match=message):
        foresee(build(casefile.load(case)), 1)


@pytest.mark.parametrize("blocks", [1, pytest.param(3, marks=pytest.mark.long), 12])
def test_a_formula_may_hold_in_the_last_layer_alone(blocks: int, small: Callable[..., Table], tmp_path: Path) -> None:
    case = small(
        equation={"u": "0.1 * laplace(u)"}, parallel={"transport": "virtual", "blocks": blocks}, boundary__y="neumann"
    )
    probes = {"regions": {"a": {"where": f"y > {case['grid']['y']['upper']} - 0.1", "measure": "integral"}}}
    sim.run({**case, "probes": probes}, output=tmp_path / "run")
    with h5py.File(tmp_path / "run" / "probes.h5") as file:
        assert np.isfinite(file["a"]).all() and file["a"][0] != 0.0


def test_an_equation_may_have_a_parameter_of_any_name(small: Callable[..., Table], tmp_path: Path) -> None:
    equation = {"u": "source - u", "parameters": {"source": 2.0}}
    case = small(equation=equation, exact={"u": "2 - exp(-t)"}, initial={"u": 1.0}, time={"end": 0.1, "step": 1e-3})
    result = sim.run(case, output=tmp_path / "run")
    assert result.errors is not None and result.errors["u"]["max"] < 1e-4
