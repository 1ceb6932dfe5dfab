"""Progress, who is still at a run, and how watching it ends."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.looking import record as records
from sim.looking.record import Progress
from sim.looking.recorded import read_run
from sim.looking.wholeness import defects_of
from sim.output import lock
from sim.output.lock import Holder
from tests.sim.looking.runs import lock_it, record
from tests.sim.looking.told import said

Small = Callable[..., dict[str, Any]]
Capture = pytest.CaptureFixture[str]


def test_a_run_leaves_its_progress(original: Path) -> None:
    found = Progress.model_validate_json((original / "progress.json").read_text())
    assert found.step == found.steps > 0 and found.time == found.end == 0.03 and found.fraction == 1.0
    assert found.pid == os.getpid() and not found.is_dead and not list(original.glob(".*"))


def test_a_directory_where_progress_cannot_be_told(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sim.progress.replace_quickly", refuse)
    assert sim.run(small(), output=tmp_path / "out").time == 0.03
    assert not (tmp_path / "out/progress.json").exists()


def goes_on(run: Path, pid: int) -> None:
    """Make a run look as if a process were at it."""
    lock_it(run)
    record(run, json.dumps({"status": "running", "case": "small", "started": "2020-01-01T00:00:00+00:00"}))
    told = json.loads((run / "progress.json").read_text())
    (run / "progress.json").write_text(json.dumps({**told, "pid": pid, "step": 1, "steps": 4, "time": 0.01}))


def test_watch_follows_until_the_end(run: Path, capsys: Capture) -> None:
    complete = (run / "run.json").read_text()
    goes_on(run, os.getpid())
    later = threading.Timer(0.3, lambda: record(run, complete))
    later.start()
    lines = said(capsys, "watch", run, "--interval", "0.05").splitlines()
    later.join()
    assert len(lines) == 2 and lines[0].startswith("running  step 1 of 4 (25.0%)  t = 0.01 s")
    assert lines[-1].startswith("complete")


def test_a_process_that_is_gone_is_noticed(run: Path, capsys: Capture) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    goes_on(run, gone.pid)
    assert said(capsys, "watch", run, status=1).startswith("died")
    assert "died" in said(capsys, "info", run) and "25.0%" in said(capsys, "info", run)


def test_a_run_that_was_killed_before_its_first_step_died(run: Path, capsys: Capture) -> None:
    """No progress is told yet, but whose run it is; of another machine's nothing is known."""
    myself = Holder.myself()
    (run / "progress.json").unlink()
    for holder, word in (
        (replace(myself, started="1"), "died"),
        (myself, "running"),
        (replace(myself, started="1", boot="?"), "running"),
        (replace(myself, started="1", host="a container"), "running"),
        (replace(myself, started=""), "running"),
    ):
        record(run, json.dumps({"status": "running"}))
        lock_it(run, holder)
        assert json.loads(said(capsys, "info", run, "--json"))["status"] == word


@pytest.mark.parametrize("progress", [False, True])
def test_a_run_on_another_machine_that_gives_no_sign_of_life(progress: bool, run: Path, capsys: Capture) -> None:
    """It can't be asked for, and would be running for ever."""
    goes_on(run, os.getpid())
    if not progress:
        (run / "progress.json").unlink()
    lock_it(run, replace(Holder.myself(), host="node7", boot="?", pid=17))
    for seconds, word in ((60, "running"), (720, "silent")):
        os.utime(run / lock.NAME, (time.time() - seconds, time.time() - seconds))
        assert json.loads(said(capsys, "info", run, "--json"))["status"] == word
    words = "nothing heard of process 17 on node7 for 12 min"
    assert words in said(capsys, "info", run)
    assert words in said(capsys, "watch", run, status=1)


def test_a_process_that_is_seen_needs_no_other_sign_of_life(run: Path, capsys: Capture) -> None:
    goes_on(run, os.getpid())
    os.utime(run / lock.NAME, (0, 0))
    assert json.loads(said(capsys, "info", run, "--json"))["status"] == "running"


@pytest.mark.parametrize("progress", [False, True])
def test_a_run_that_nobody_is_at_died(progress: bool, run: Path, capsys: Capture) -> None:
    """By an exception, say, in a process that lives on."""
    goes_on(run, os.getpid())
    if not progress:
        (run / "progress.json").unlink()
    (run / lock.NAME).unlink()
    assert json.loads(said(capsys, "info", run, "--json"))["status"] == "died"
    assert said(capsys, "watch", run, status=1).startswith("died")


def test_an_exception_before_the_first_step_is_the_end(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("sim.simulation.Simulation.compile", fails)
    with pytest.raises(RuntimeError):
        sim.run(small(), output=tmp_path / "out")
    assert not (tmp_path / "out/progress.json").exists()
    assert said(capsys, "info", tmp_path / "out", "--quick").startswith("out  died")
    assert said(capsys, "watch", tmp_path / "out", status=1).startswith("died")


@pytest.mark.parametrize("ends", [False, True], ids=["begins", "ends"])
def test_a_run_that_begins_or_ends_meanwhile_is_not_dead(
    ends: bool, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on(run, os.getpid())
    held, status = (run / lock.NAME).read_text(), "complete" if ends else "running"
    (run / lock.NAME).write_text(held) if ends else (run / lock.NAME).unlink()

    def slow(path: Path, model: Any) -> Any:
        if path.name == "run.json":
            record(run, json.dumps({"status": status}))
            (run / lock.NAME).unlink() if ends else (run / lock.NAME).write_text(held)
        return read(path, model)

    read = records.read
    monkeypatch.setattr(records, "read", slow)
    assert read_run(run).state == status


def test_a_run_whose_process_ends_while_it_is_looked_at_is_not_dead(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = subprocess.Popen(["sleep", "60"])
    goes_on(run, process.pid)

    def fast(path: Path, model: Any) -> Any:
        found = read(path, model)
        if path.name == "run.json":
            process.kill()
            process.wait()
        return found

    read = records.read
    monkeypatch.setattr(records, "read", fast)
    assert read_run(run).state == "running"


def test_what_was_last_heard_is_told_as_of_when_it_was_read(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Not as of when all values have been read, which may take long."""
    goes_on(run, os.getpid())
    told = json.loads((run / "progress.json").read_text())
    (run / "progress.json").write_text(json.dumps({**told, "written": datetime.now(UTC).isoformat()}))

    def slow(*arguments: Any, **options: Any) -> Any:
        time.sleep(3)
        return defects_of(*arguments, **options)

    monkeypatch.setattr("sim.looking.info.defects_of", slow)
    assert json.loads(said(capsys, "info", run, "--json"))["last_heard_seconds"] < 3


def test_the_progress_of_an_earlier_run_does_not_count(run: Path, capsys: Capture) -> None:
    goes_on(run, os.getpid())
    record(run, json.dumps({"status": "running", "started": "2100-01-01T00:00:00+00:00"}))
    assert json.loads(said(capsys, "info", run, "--json"))["step"] is None


def test_a_failed_run_says_why(run: Path, capsys: Capture) -> None:
    record(run, json.dumps({"status": "failed", "error": "the field blew up"}))
    assert "the field blew up" in said(capsys, "watch", run, status=1)
    assert "the field blew up" in said(capsys, "info", run)


@pytest.mark.parametrize("interval", ["0", "-1", "nan", "inf"])
def test_an_interval_that_makes_no_sense(interval: str, run: Path, capsys: Capture) -> None:
    assert "--interval" in said(capsys, "watch", run, "--interval", interval, status=2)
