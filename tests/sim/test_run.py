"""sim.run from beginning to end: when it steps and ends, and what it leaves."""

from __future__ import annotations

import json
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

pytestmark = pytest.mark.usefixtures("elsewhere")


# ------------------------------------------------------------------------------------------------------ times and steps


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


# --------------------------------------------------------------------------------------------------------- what is left


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
