"""What is said of runs as they are: finished, just begun, and with what others left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.sim.looking.runs import lock_it, record, write_run
from tests.sim.looking.told import Page, said

Capture = pytest.CaptureFixture[str]


def test_a_whole_run(original: Path, capsys: Capture) -> None:
    text = said(capsys, "info", original)
    assert "complete" in text and "whole: all is there" in text and "12 × 16 cells" in text and "u (°C)" in text
    found = json.loads(said(capsys, "info", original, "--json"))
    assert found["whole"] and found["fraction"] == 1.0 and found["findings"] == [] and found["status"] == "complete"
    assert found["times"] == [0.0, 0.01, 0.02, 0.03] and found["fields"]["u"]["shape"] == [12, 16]
    assert found["record"]["case"] == "small" and found["step"] == found["record"]["steps"]


def test_leftovers_and_checkpoints(run: Path, capsys: Capture) -> None:
    (run / "snapshots/.4.h5.part").touch()
    shutil.copytree(run / "checkpoints/6", run / "checkpoints/12")
    text = said(capsys, "info", run)
    assert ".4.h5.part" in text and "checkpoints  2: 6, 12" in text
    told = json.loads((run / "run.json").read_text())
    record(run, json.dumps({**told, "status": "running"}))
    lock_it(run)
    assert ".part" not in said(capsys, "info", run)


def test_a_run_that_has_written_nothing_yet(tmp_path: Path, capsys: Capture) -> None:
    run = write_run(tmp_path, {}, status="running")
    lock_it(run)
    assert "running" in said(capsys, "info", run) and "no snapshot yet" in said(capsys, "plot", run, status=2)
    said(capsys, "report", run)
    assert "running" in Page((run / "report.html").read_text()).words
