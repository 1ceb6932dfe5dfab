"""What a run can't go on from, or not as it is asked to, is refused with what is wrong."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sim
from sim.checkpoint.changes import differences
from sim.errors import SimError
from tests.results import files

Small = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("equation.alpha=0.8", ["equation.alpha: 0.7 → 0.8", "time.end"]),
        ("grid.x.cells=17", ["grid.x.cells: 16 → 17"]),
        ("numerics.dtype=float32", ["numerics.dtype: 'float64' → 'float32'"]),
        ("boundary.x=neumann", ["boundary.x.lower.kind: 'periodic' → 'neumann'"]),
        ("time.step=0.0001", ["time.step: nothing → 0.0001"]),
        ("time.end=0.001", ["time.end = 0.001 lies before"]),
    ],
)
def test_a_changed_case_is_refused_with_what_changed(small: Small, override: str, words: list[str]) -> None:
    sim.run(small(), output="out")
    before = files("out")
    with pytest.raises(SimError) as caught:
        sim.resume("out", overrides=[override])
    assert all(word in str(caught.value) for word in words), caught.value
    assert files("out") == before and not Path("out/lock").exists()


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["output.stride.x=4"], "output.stride.x: nothing → 4"),
        (["output.index.y=3", "output.every=0.02"], "output.index.y: nothing → 3"),
        (["output.units=K"], "output.units: '1' → 'K'"),
        (["output.time_units=s"], "output.time_units: '1' → 's'"),
        (["output.fields.u.dtype=float32"], "output.fields.u.dtype: nothing → 'float32'"),
        (["output.extra.wall.at.x=1.0"], "output.extra.wall.at.x: 0.5 → 1.0"),
        (["output.extra.wall.dtype=float32", "time.end=0.05"], "output.extra.wall.dtype: nothing → 'float32'"),
    ],
)
def test_what_a_series_holds_cannot_change_under_it(small: Small, overrides: list[str], said: str) -> None:
    sim.run(small(output__extra={"wall": {"at": {"x": 0.5}}}), output="out")
    before = files("out"), Path("out/case.toml").read_bytes()
    with pytest.raises(SimError, match=re.escape(f"would not hold the same:\n  {said}\n")) as caught:
        sim.resume("out", overrides=overrides)
    assert "output.extra.NAME" in str(caught.value)
    assert (files("out"), Path("out/case.toml").read_bytes()) == before


def test_an_edited_case_file_is_a_changed_case(small: Small) -> None:
    sim.run(small(), output="out")
    path = Path("out/case.toml")
    path.write_text(path.read_text().replace("alpha = 0.7", "alpha = 0.9"))
    with pytest.raises(SimError, match=r"equation.alpha: 0.7 → 0.9"):
        sim.resume("out")


def test_a_changed_file_is_a_changed_case(small: Small) -> None:
    np.save("q.npy", np.ones((12, 16)))
    sim.run(small(equation__source={"file": "q.npy"}), output="out")
    sim.resume("out")
    np.save("q.npy", np.zeros((12, 16)))
    with pytest.raises(SimError, match=r"equation.source is not the one"):
        sim.resume("out")


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("equation.coefficients.k", {"equation": {"u": "k * laplace(u)", "coefficients": {"k": {"file": "k.npy"}}}}),
        (
            "ensemble.vary.equation.alpha.1",
            {"ensemble": {"vary": {"equation.alpha": ["0.7 + 0 * x", {"file": "k.npy"}]}}},
        ),
    ],
)
def test_wherever_a_file_stands_in_the_case_it_is_part_of_it(small: Small, key: str, changes: dict[str, Any]) -> None:
    np.save("k.npy", np.full((12, 16), 0.7))
    sim.run(small() | changes, output="out")
    sim.resume("out")
    np.save("k.npy", np.full((12, 16), 0.6))
    with pytest.raises(SimError, match=f"the file of {re.escape(key)} is not the one"):
        sim.resume("out")


def test_files_of_initial_fields_need_not_stay(small: Small) -> None:
    np.save("u.npy", np.ones((12, 16)))
    case = small(initial__u={"file": "u.npy"}, ensemble={"vary": {"initial.u": [{"file": "u.npy"}, 2.0]}})
    sim.run(case, output="out")
    Path("u.npy").unlink()
    assert sim.resume("out", overrides=["time.end=0.04"]).time == 0.04


def test_differences_name_what_is_new_and_what_is_gone() -> None:
    old = {"a": {"b": 1, "c": 2}, "time": {"end": 1.0}, "output": {"every": 1}}
    new = {"a": {"b": 3, "d": 4}, "time": {"end": 2.0}, "parallel": {"devices": 2}}
    assert list(differences(old, new)) == ["a.b: 1 → 3", "a.c: 2 → nothing", "a.d: nothing → 4"]


@pytest.mark.parametrize("where", ["nowhere", "empty", "file"])
def test_where_there_is_no_run(where: str) -> None:
    Path("empty").mkdir()
    Path("file").write_text("mine")
    with pytest.raises(SimError, match=f"{where} holds no run"):
        sim.resume(where)
    assert list(Path("empty").iterdir()) == []


@pytest.mark.long
def test_a_standing_that_makes_no_sense_is_refused(small: Small) -> None:
    from sim.checkpoint.manifest import _digest

    sim.run(small(checkpoint__keep=1), output="out")
    path = next(Path("out/checkpoints").glob("*/manifest.json"))
    content = json.loads(path.read_text())["manifest"]
    for key, value in {"done": 10**9, "written": {}, "decay": "soon", "initial": {}}.items():
        state = {**content, "state": {**content["state"], key: value}}
        path.write_text(json.dumps({"sha256": _digest(state), "manifest": state}))
        with pytest.raises(SimError):
            sim.resume("out")


@pytest.mark.parametrize("what", ["run", "resume"])
def test_a_read_only_directory_is_refused_before_anything_compiles(
    what: str, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim.run(small(), output="out")
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr("sim.ready.build", lambda _: pytest.fail("too late"))
    if what == "run":
        with pytest.raises(SimError, match="is read-only"):
            sim.run(small(), output="out/below")
    else:
        monkeypatch.setattr(os, "open", lambda *_: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
        with pytest.raises(SimError, match="Read-only file system"):
            sim.resume("out")
