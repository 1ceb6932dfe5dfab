"""What several ranks write together: whole files, byte by byte those of one process, whichever way they are written."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import WORKERS, Ended, Family, finish

ROOT = str(Path(__file__).parents[2])


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    family = Family(tmp_path_factory.mktemp("alone"))
    try:
        command = [sys.executable, str(WORKERS / "writers.py")]
        return finish(family.start(command, PYTHONPATH=ROOT), family).json()
    finally:
        family.end()


@pytest.mark.long
@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_write_the_files_of_one_process(ranks: int, mpirun: Callable[..., Ended], alone: Any) -> None:
    ways, packed = mpirun(ranks, str(WORKERS / "writers.py"), PYTHONPATH=ROOT).json()
    assert len(ways) >= 4 and len(packed) == 5 + 9 + 5
    expected = alone[0]["plain, overlap True"]
    for way, files in {**ways, **alone[0]}.items():
        assert files == expected, way
    assert packed == alone[1]


def test_ranks_fail_together_while_they_compute(mpirun: Callable[..., Ended], tmp_path: Path) -> None:
    """A disk that is full for one rank's second thread alone: one message, all ranks end, what was whole is kept."""
    (tmp_path / "fail.py").write_text(
        "import errno, sys\n"
        "from sim import cli\n"
        "from sim.output import rows\n"
        "from sim.launcher import launched\n"
        "calls, write = [], rows._write_all\n"
        "def full(descriptor, run, position):\n"
        "    calls.append(1)\n"
        "    if launched().rank == 1 and len(calls) > 100:\n"
        "        raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "    write(descriptor, run, position)\n"
        "rows._write_all = full\n"
        "cli.entry()\n"
    )
    sizes = ["--set", "grid.x.cells=64", "--set", "grid.y.cells=64", "--process-grid", "x=2", "--output", "out"]
    ended = mpirun(2, "fail.py", "run", *sizes)
    assert ended.code == 2 and ended.stderr.count("sim: error:") == 1, ended.stderr
    assert "snapshots/1.h5 can't be written: No space left on device" in ended.stderr
    assert [path.name for path in (tmp_path / "out" / "snapshots").iterdir()] == ["0.h5"]


@pytest.mark.long
def test_ranks_that_fail_leave_no_file_half_written(mpirun: Callable[..., Ended], tmp_path: Path) -> None:
    """Though one of them is still at it when rank 0 can't write the probes."""
    (tmp_path / "late.py").write_text(
        "import time\n"
        "from sim import cli\n"
        "from sim.output import rows\n"
        "from sim.launcher import launched\n"
        "write = rows._write_all\n"
        "def late(descriptor, run, position):\n"
        "    time.sleep(0.1 * launched().rank)\n"
        "    write(descriptor, run, position)\n"
        "rows._write_all = late\n"
        "cli.entry()\n"
    )
    (tmp_path / "out" / "probes.h5").mkdir(parents=True)
    sizes = ["--set", "grid.x.cells=16", "--set", "grid.y.cells=16", "--process-grid", "y=2"]
    probes = ["--set", "probes.points.p.at={ x = 0.5, y = 0.5 }"]
    ended = mpirun(2, "late.py", "run", *sizes, *probes, "--output", "out", "--overwrite")
    assert ended.code == 2 and ended.stderr.count("sim: error:") == 1, ended.stderr
    assert "probes.h5 can't be written" in ended.stderr
    assert [path.name for path in (tmp_path / "out" / "snapshots").iterdir()] == ["0.h5"]
