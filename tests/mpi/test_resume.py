"""Runs that are killed or told to stop, and go on with other ranks to the same bytes."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.results import files
from tests.sim.checkpoint.damages import DAMAGES, flip

from .conftest import WORKERS, Ended, Family, finish

CASE = [
    *("--set", "grid.x.cells=37", "--set", "grid.y.cells=41", "--set", "numerics.dtype=float64"),
    *("--set", "time.end=0.02", "--set", "time.step=0.0001", "--set", "output.every=0.006"),
    *("--set", "checkpoint.every=20"),
]
KILLED = "HALOSTEP_FAILPOINT"
ROOT = str(Path(__file__).parents[2])


@pytest.fixture
def alone(family: Family, tmp_path: Path) -> dict[str, bytes]:
    command = [sys.executable, "-m", "sim", "run", *CASE, "--transport", "serial", "--output", "alone", "--json"]
    assert finish(family.start(command), family).code == 0
    return files(tmp_path / "alone")


@pytest.mark.long
def test_from_four_ranks_to_one_to_three(family: Family, tmp_path: Path, alone: dict[str, bytes]) -> None:
    """One rank is killed in the middle of a checkpoint, then the only one between two."""
    four = family.ranks(4, "-m", "sim", "run", *CASE, "--output", "out", **{KILLED: "block written:3@2"})
    assert finish(four, family).code != 0
    one = family.start([sys.executable, "-m", "sim", "resume", "out"], **{KILLED: "chunk done:3"})
    assert finish(one, family).code == -signal.SIGKILL
    three = finish(family.ranks(3, "-m", "sim", "resume", "out", "--json", "--ghost-depth", "3"), family)
    assert three.json()["ranks"] == 3 and "was left by process" in three.stderr
    assert json.loads((tmp_path / "out/run.json").read_text())["resumed"]["step"] >= 60
    assert files(tmp_path / "out") == alone


@pytest.mark.long
@pytest.mark.parametrize(
    ("ranks", "options"),
    [(2, ["--transport", "xla", "--devices", "2"]), (2, ["--transport", "hybrid", "--devices", "2"])],
)
def test_other_transports(
    ranks: int, options: list[str], family: Family, tmp_path: Path, alone: dict[str, bytes]
) -> None:
    killed = family.ranks(ranks, "-m", "sim", "run", *CASE, *options, "--output", "out", **{KILLED: "chunk done:4"})
    assert finish(killed, family).code != 0
    assert finish(family.ranks(ranks, "-m", "sim", "resume", "out", *options), family).code == 0
    assert files(tmp_path / "out") == alone


@pytest.mark.long
def test_a_signal_to_mpirun_stops_all_ranks_and_a_second_run_is_refused(family: Family, tmp_path: Path) -> None:
    size = ["--set", "grid.x.cells=32", "--set", "grid.y.cells=32"]
    long = [*size, "--set", "time.end=1e6", "--set", "output.every=1e6"]
    process = family.ranks(2, "-m", "sim", "run", *long, "--output", "out")
    deadline = time.monotonic() + 90
    while not (tmp_path / "out/results.h5").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    for command in (["run", *long, "--output", "out", "--overwrite"], ["resume", "out"]):
        second = finish(family.start([sys.executable, "-m", "sim", *command]), family)
        assert second.code == 2 and "is in use by process" in second.stderr, second.stderr
    os.kill(process.pid, signal.SIGUSR1)
    ended = finish(process, family)
    assert ended.code == 75 and ended.stderr.count("sim: stopped by SIGUSR1") == 1, ended.stderr
    assert json.loads((tmp_path / "out/run.json").read_text())["status"] == "stopped"
    assert len(list((tmp_path / "out/checkpoints").iterdir())) == 1 and not (tmp_path / "out/lock").exists()


@pytest.mark.long
@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_to_one_rank_in_set_up_stops_all_at_the_first_steps(rank: int, family: Family, tmp_path: Path) -> None:
    """MPI has a handler of its own for SIGUSR1."""
    ended = finish(family.ranks(2, str(WORKERS / "told.py"), str(rank), "run", *CASE, "--output", "out"), family)
    assert ended.code == 75 and ended.stderr.count("sim: stopped by SIGUSR1") == 1, ended.stderr
    assert json.loads((tmp_path / "out/run.json").read_text())["status"] == "stopped"


def test_every_damage_sends_all_ranks_back_to_the_checkpoint_before(mpirun: Callable[..., Ended]) -> None:
    """Said once each, whichever rank has read the block."""
    ended = mpirun(3, str(WORKERS / "damages.py"), PYTHONPATH=ROOT)
    assert ended.json() == {name: [[1, True]] * 3 for name in DAMAGES}
    warnings = ended.stderr.splitlines()
    assert len(warnings) == len(DAMAGES), ended.stderr
    for line, (name, (_, named)) in zip(warnings, DAMAGES.items(), strict=True):
        assert line.startswith("sim: warning: ") and named in line, (name, line)


@pytest.mark.long
def test_ranks_go_on_from_before_a_damaged_checkpoint(family: Family, tmp_path: Path, alone: dict[str, bytes]) -> None:
    killed = family.ranks(2, "-m", "sim", "run", *CASE, "--output", "out", **{KILLED: "chunk done:6"})
    assert finish(killed, family).code != 0
    before, newest = sorted((tmp_path / "out/checkpoints").glob("[0-9]*"), key=lambda folder: int(folder.name))
    block = sorted(newest.glob("u-*.npy"))[-1]
    flip(block, -5)
    resumed = finish(family.ranks(3, "-m", "sim", "resume", "out", "--json"), family)
    assert resumed.json()["ranks"] == 3
    assert resumed.stderr.count("sim: warning: ") == 1 and f"{newest.name}/{block.name}" in resumed.stderr
    assert json.loads((tmp_path / "out/run.json").read_text())["resumed"]["step"] == int(before.name)
    assert files(tmp_path / "out") == alone
