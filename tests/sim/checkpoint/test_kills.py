"""kill -9 at every step of the protocols and at random instants: the last whole checkpoint is always there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sim import failpoints
from sim.subprocesses import clean_environment

WORKERS = Path(__file__).parent / "workers"


def work(name: str, *arguments: object, cwd: Path, timeout: float) -> Any:
    environment = {**clean_environment(), "JAX_PLATFORMS": os.environ.get("JAX_PLATFORMS") or "cpu"}
    command = [sys.executable, str(WORKERS / name), *map(str, arguments)]
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("ranks", "count", "least"),
    [(1, 40, 70), (2, 20, 60), pytest.param(3, 300, 300, marks=pytest.mark.long)],
    ids=["1", "2", "3"],
)
def test_writers_that_are_killed(ranks: int, count: int, least: int, tmp_path: Path) -> None:
    """Of one rank or of all, within the protocol: never is a checkpoint lost that was said to be safe."""
    found = work("kills.py", tmp_path / "checkpoints", ranks, count, 1, cwd=tmp_path, timeout=300)
    assert found["kills"] >= least and found["steps"] > 20
    assert {name for name, kills in found["by point"].items() if kills} >= {
        "block half written",
        "blocks agreed",
        "checkpoint synced",
        "checkpoint renamed",
        "old checkpoint set aside",
        "random",
    }


@pytest.mark.parametrize(
    ("points", "count"), [(3, 1), pytest.param(len(failpoints.NAMES), 8, marks=pytest.mark.long)], ids=["few", "all"]
)
def test_runs_that_are_killed_and_resumed_end_in_the_same_bytes(points: int, count: int, tmp_path: Path) -> None:
    found = work("killed_runs.py", points, count, 3, cwd=tmp_path, timeout=400)
    assert found["kills"] >= (points + count) // 2 and found["runs"] >= 1


def test_failpoints_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        with pytest.raises(ValueError, match="nowhere"):
            failpoints.arm("nowhere")
        failpoints.arm("chunk done:3@1")  # of another rank than this one
        for _ in range(5):
            failpoints.reach("chunk done")
    finally:
        failpoints.arm(None)
