"""What a run notes of itself as it goes, and that it doesn't depend on it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

import sim
from sim import casefile
from tests.sim.looking.told import said

Small = Callable[..., dict[str, Any]]
Capture = pytest.CaptureFixture[str]


def test_a_monitored_run(small: Small, tmp_path: Path) -> None:
    sim.run(small(), output=tmp_path / "out", monitor=True)
    lines = [json.loads(line) for line in (tmp_path / "out/monitor.jsonl").read_text().splitlines()]
    assert [line["snapshot"] for line in lines] == [0, 1, 2, 3]
    assert [line["time"] for line in lines] == [0.0, 0.01, 0.02, 0.03]
    with h5py.File(tmp_path / "out/snapshots/3.h5") as file:
        u = file["u"][...]
    last = lines[-1]["fields"]["u"]
    assert (last["min"], last["max"], last["every"]) == (u.min(), u.max(), [1, 1])
    assert last["mean"] == pytest.approx(u.mean())
    assert (tmp_path / "out/monitor.png").read_bytes().startswith(b"\x89PNG")


def test_the_run_survives_its_monitor(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    monkeypatch.setattr("sim.looking.notebook.Notebook.draw", lambda self: 1 / 0)
    result = sim.run(small(), output=tmp_path / "out", monitor=True)
    assert result.time == 0.03 and len(result.snapshots) == 4
    assert capfd.readouterr().err.count("warning: --monitor has stopped") == 1


def test_the_run_does_not_wait_for_its_monitor(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.looking.notebook.Notebook.draw", lambda self: time.sleep(3600))
    monkeypatch.setattr("sim.looking.monitor._SECONDS_FOR_THE_LAST", 0.1)
    assert sim.run(small(), output=tmp_path / "out", monitor=True).time == 0.03


def test_monitoring_is_asked_for(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(casefile.to_toml(casefile.load(small())))
    said(capsys, "run", "small.toml", "--output", "plain")
    said(capsys, "run", "small.toml", "--output", "seen", "--monitor")
    assert not list(Path("plain").glob("monitor*")) and len(list(Path("seen").glob("monitor*"))) == 2
    said(capsys, "run", "small.toml", "--output", "seen", "--overwrite")
    assert not list(Path("seen").glob("monitor*")), "of the run before"
