"""Disks that are full for a run of several ranks: one message, all ranks end, and what was whole is left and used."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.subprocesses import find_mpirun
from tests.disks import enlarge, small_file_system

from .conftest import Ended, Family, finish

KIB = 1024


def on_ranks(family: Family, *arguments: str, limit: int | None = None) -> Ended:
    """Two ranks of `sim` under a shell that allows no file of more than `limit` KiB."""
    command = [str(find_mpirun()), "-n", "2", sys.executable, "-m", "sim", *arguments]
    shell = ["bash", "-c", f'ulimit -f {limit or "unlimited"}; exec "$@"', "bash"]
    return finish(family.start([*shell, *command]), family)


def contents(folder: Path) -> dict[str, bytes]:
    """Of the snapshots and checkpoints of a run, and whatever else is among them."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for kind in ("snapshots", "checkpoints")
        for path in (folder / kind).rglob("*")
        if path.is_file()
    }


def check_refusal(ended: Ended, words: str) -> None:
    assert ended.code == 2, ended.stderr
    assert ended.stderr.count("sim: error:") == 1 and "Traceback" not in ended.stderr, ended.stderr
    assert words in ended.stderr, ended.stderr


# Large beside the files that an MPI library shares between its ranks, to which the limit applies too.
CELLS = 1536
FIELD = CELLS * CELLS * 8 // KIB
LARGE = [
    *("--set", f"grid.x.cells={CELLS}", "--set", f"grid.y.cells={CELLS}", "--set", "numerics.dtype=float64"),
    *("--set", "time.step=1e-7", "--set", "time.end=2e-7", "--set", "output.every=2e-7", "--no-tune"),
]


@pytest.mark.long
def test_a_limit_on_the_size_of_files(family: Family, tmp_path: Path) -> None:
    """A snapshot is one file of all ranks, a checkpoint one of each."""
    assert on_ranks(family, "run", *LARGE, "--output", "out").code == 0
    whole = contents(tmp_path / "out")
    on = ["resume", "out", "--set", "time.end=4e-7", "--no-tune"]
    check_refusal(on_ranks(family, *on, limit=FIELD * 2 // 3), "snapshots/2.h5 can't be written: File too large")
    now = contents(tmp_path / "out")
    assert now.items() >= whole.items() and "snapshots/2.h5" not in now
    sooner = [*on, "--set", "checkpoint.every=1"]
    check_refusal(on_ranks(family, *sooner, limit=FIELD * 2 // 5), "out/checkpoints can't be written: File too large")
    now = contents(tmp_path / "out")
    assert {name: now.get(name) for name in whole} == whole and "snapshots/2.h5" not in now
    assert on_ranks(family, *on).code == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_file_system(tmp_path / "disk", "1m") as place:
        yield place


SMALL = [
    *("--set", "grid.x.cells=100", "--set", "grid.y.cells=100", "--set", "numerics.dtype=float64", "--no-tune"),
    *("--set", "time.step=1e-5", "--set", "time.end=1e-3", "--set", "output.every=1e-4", "--set", "checkpoint.every=7"),
]


@pytest.mark.long
def test_a_full_disk(family: Family, tmp_path: Path, small_disk: Path) -> None:
    """Whoever meets it; and when there is space again, the run goes on to the bytes that it would have had."""
    assert finish(family.start([sys.executable, "-m", "sim", "run", *SMALL, "--output", "alone"]), family).code == 0
    check_refusal(on_ranks(family, "run", *SMALL, "--output", "disk/out"), "can't be written: No space left on device")
    kept = contents(small_disk / "out")
    assert "snapshots/1.h5" in kept and "snapshots/9.h5" not in kept, [*kept]
    enlarge(small_disk, "20m")
    resumed = on_ranks(family, "resume", "disk/out", "--no-tune")
    assert resumed.code == 0 and "warning" not in resumed.stderr, resumed.stderr
    assert json.loads((small_disk / "out/run.json").read_text())["resumed"]["step"] > 0
    compared = finish(family.start([sys.executable, "-m", "sim", "compare", "alone", "disk/out"]), family)
    assert compared.code == 0, compared.stdout
