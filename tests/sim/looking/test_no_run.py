"""What is no run, or may not be read, is refused by all who look."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sim.looking.runs import record
from tests.sim.looking.told import said

Capture = pytest.CaptureFixture[str]


NO_RUN: dict[str, Callable[[Path], Path]] = {
    "nothing": lambda run: run / "nowhere",
    "an impossible name": lambda run: Path("x" * 5000),
    "an empty directory": lambda run: run / "snapshots",
    "a file": lambda run: run / "case.toml",
    "a record that isn't JSON": lambda run: record(run, "{"),
    "a record that is too deep": lambda run: record(run, "[" * 100_000),
    "a record of another kind": lambda run: record(run, '{"status": [1]}'),
    "a record of bytes": lambda run: record(run, b"\xff\xfe"),
    "a record that is a pipe": lambda run: ((run / "run.json").unlink(), os.mkfifo(run / "run.json"), run)[2],
    "a million snapshots and one": lambda run: record(run, json.dumps({"snapshots": [""] * 1_000_001})),
}


@pytest.mark.parametrize("make", NO_RUN.values(), ids=NO_RUN)
def test_what_is_no_run_is_refused_by_all(make: Callable[[Path], Path], run: Path, capsys: Capture) -> None:
    path = make(run)
    before = sorted(run.rglob("*"))
    for command in (["info"], ["info", "--json"], ["plot"], ["plot", "--gif"], ["report"], ["watch"], ["compare", run]):
        said(capsys, *command, path, status=2)
    assert sorted(run.rglob("*")) == before


@pytest.mark.parametrize("command", ["info", "plot", "report", "watch"])
def test_what_may_not_be_read_is_said(
    command: str, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    # The tests may run as somebody to whom all is permitted.
    monkeypatch.setattr("sim.looking.record.read", refuse)
    assert "can't be read: Permission denied" in said(capsys, command, run, status=2)
