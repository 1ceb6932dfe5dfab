"""Signals and time limits stop a run in order."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sim
from sim import casefile, cli
from sim.case.checkpoint import seconds_of_duration, seconds_of_limit
from sim.checkpoint.keeper import Keeper
from sim.errors import SimError, Stopped
from sim.stopping import TimeLimit
from sim.team import Solo

Small = Callable[..., dict[str, Any]]
Capture = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.mark.parametrize(("text", "seconds"), [("30 s", 30), ("10 min", 600), ("2h", 7200), ("0.5 min", 30)])
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1.5", 1.5), ("2:00:00", 7200), ("00:01:30", 90), ("1-02:00:00", 93600)]
)
def test_time_limits(text: str, seconds: float) -> None:
    assert seconds_of_limit(text) == seconds


@pytest.mark.parametrize(
    "setting",
    [
        *(f"checkpoint.every={value}" for value in ("0", "-3", "2.5", "soon", '"0 s"', '"3 weeks"', "true", "[1]")),
        *(f"checkpoint.time_limit={value}" for value in ("-3", "0", '"2h"', '"1:2:3"', "true", "[]")),
        "checkpoint.keep=0",
        "checkpoint.at_end=1",
    ],
)
def test_settings_that_make_no_sense(setting: str) -> None:
    with pytest.raises(SimError, match=setting.partition("=")[0]):
        casefile.load("heat2d", [setting])


def test_the_table_survives_its_own_text(tmp_path: Path) -> None:
    for every in ('"30 s"', "100", '"never"'):
        case = casefile.load("heat2d", [f"checkpoint.every={every}", 'checkpoint.time_limit="1:00:00"'])
        (tmp_path / "case.toml").write_text(casefile.to_toml(case))
        assert casefile.load(tmp_path / "case.toml").checkpoint == case.checkpoint


def test_a_limit_is_near_when_what_comes_may_not_fit() -> None:
    assert not TimeLimit.of_run("100", 50.0, {}).is_near(1.0)
    assert TimeLimit.of_run("100", 50.0, {}).is_near(45.0)
    assert TimeLimit.of_run("100", 91.0, {}).is_near(0.0)
    assert not TimeLimit.of_run(None, 1e9, {}).is_near(1e9)


def test_the_limit_of_a_slurm_job(tmp_path: Path) -> None:
    soon, late = str(int(time.time()) + 5), str(int(time.time()) + 9000)
    assert TimeLimit.of_run(None, 0.0, {"SLURM_JOB_END_TIME": soon}).is_near(10.0)
    assert not TimeLimit.of_run(None, 0.0, {"SLURM_JOB_END_TIME": late}).is_near(10.0)
    assert not TimeLimit.of_run("9000", 0.0, {"SLURM_JOB_END_TIME": soon}).is_near(10.0)
    scontrol = tmp_path / "scontrol"
    for end, near in (("2020-01-01T00:00:00", True), ("Unknown", False), ("2120-01-01T00:00:00", False)):
        scontrol.write_text(f"#!/bin/sh\necho JobId=$4 EndTime={end} Comment=\n")
        scontrol.chmod(0o755)
        environment = {"SLURM_JOB_ID": "12", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        assert TimeLimit.of_run(None, 0.0, environment).is_near(1.0) is near
    assert not TimeLimit.of_run(None, 0.0, {"SLURM_JOB_ID": "12", "PATH": "/nowhere"}).is_near(1.0)


def test_when_a_checkpoint_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    table = casefile.load("heat2d", ['checkpoint.every="10 s"']).checkpoint
    keeper = Keeper(table, Solo(), TimeLimit(None, 0.0), 0)
    assert keeper.steps_left(7) > 1e9 and not keeper.confer(1.0, 7, None).due
    now[0] += 10
    assert keeper.confer(1.0, 8, None).due
    keeper.saved(8)
    assert not keeper.confer(1.0, 9, None).due and keeper.saved_step == 8
    by_steps = Keeper(casefile.load("heat2d", ["checkpoint.every=10"]).checkpoint, Solo(), TimeLimit(None, 0.0), 0)
    assert by_steps.steps_left(7) == 3 and by_steps.confer(1.0, 10, None).due and not by_steps.confer(1.0, 11, None).due
    verdict = keeper.confer(2.5, 10, "SIGTERM")
    assert verdict.due and verdict.stop == "SIGTERM" and verdict.slowest == 2.5


LONG = {"time__end": 1e6, "time__step": 1e-3, "output__every": 1e6}


def after(condition: Callable[[], bool], action: Callable[[], Any]) -> threading.Thread:
    def wait() -> None:
        deadline = time.monotonic() + 60
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.02)
        action()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGINT"])
def test_the_first_signal_stops_in_order(name: str, small: Small, capsys: Capture) -> None:
    before = signal.getsignal(signal.Signals[name])
    started = Path("out/results.h5").exists
    thread = after(started, lambda: os.kill(os.getpid(), signal.Signals[name]))
    with pytest.raises(Stopped, match=rf"stopped by {name} at step .* python -m sim resume out"):
        sim.run(small((9,), **LONG), output="out")
    thread.join()
    assert signal.getsignal(signal.Signals[name]) == before
    assert json.loads(Path("out/run.json").read_text())["status"] == "stopped"
    (checkpoint,) = Path("out/checkpoints").iterdir()
    assert int(checkpoint.name) > 0 and not Path("out/lock").exists()


def test_the_time_limit_stops_in_order_and_the_exit_status_says_so(small: Small, capsys: Capture) -> None:
    Path("long.toml").write_text(casefile.to_toml(casefile.load(small((9,), **LONG))))
    begin = time.monotonic()
    assert cli.main(["run", "long.toml", "--output", "out", "--time-limit", "4"]) == cli.EXIT_RESUMABLE == 75
    assert time.monotonic() - begin < 30
    said = capsys.readouterr().err
    assert re.search(r"^sim: stopped by the time limit at step", said, re.MULTILINE) and "error" not in said
    assert cli.main(["resume", "out", "--transport", "serial", "--time-limit", "2"]) == 75
    assert json.loads(Path("out/run.json").read_text())["resumed"]["step"] > 0


def test_the_time_limit_of_the_job_before_is_forgotten(small: Small) -> None:
    case = small((9,), checkpoint__time_limit="1:00:00")
    sim.run(case, output="out")
    assert casefile.load("out/case.toml").checkpoint.time_limit == "1:00:00"
    sim.resume("out", overrides=["time.end=0.04"])
    assert casefile.load("out/case.toml").checkpoint.time_limit is None
    sim.resume("out", overrides=["time.end=0.05", "checkpoint.time_limit=7200"])
    assert casefile.load("out/case.toml").checkpoint.time_limit == "7200"
