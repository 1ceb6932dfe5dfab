"""One answer, to the bit, over ranks: fields and printed numbers are those of one process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.subprocesses import clean_environment, free_port

from .conftest import WORKERS, Ended, Family, finish

CASES = str(WORKERS / "cases.py")


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """By one process, step by step."""
    done = subprocess.run(
        [sys.executable, CASES, json.dumps({"transport": "serial"})],
        cwd=tmp_path_factory.mktemp("serial"),
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def check(found: Any, serial: Any, blocks: int) -> None:
    assert found.keys() == serial.keys()
    for name, (digest, numbers, grid) in found.items():
        assert digest == serial[name][0], f"{name}: another field on {grid}"
        assert numbers == serial[name][1], f"{name}: other numbers on {grid}"
        product = 1
        for parts in grid:
            product *= parts
        assert product == blocks
    assert len({digest for digest, _, _ in found.values()}) >= len(found) - 1, "the fields are not trivial"


@pytest.mark.parametrize(
    ("ranks", "parallel", "blocks"),
    [
        (2, {"transport": "mpi"}, 2),
        (3, {"transport": "mpi"}, 3),
        (4, {"transport": "mpi"}, 4),
        (2, {"transport": "hybrid", "devices": 2}, 4),
        (2, {"transport": "xla", "devices": 2}, 4),
        (2, {"transport": "xla", "devices": 1, "halo": "psum"}, 2),
    ],
    ids=["mpi-2", "mpi-3", "mpi-4", "hybrid-2x2", "xla-2x2", "xla-2-psum"],
)
def test_over_ranks(
    ranks: int, parallel: dict[str, Any], blocks: int, mpirun: Callable[..., Ended], serial: Any
) -> None:
    check(mpirun(ranks, CASES, json.dumps(parallel), timeout=240).json(), serial, blocks)


def test_by_hand_without_mpi(family: Family, tmp_path: Path) -> None:
    """Two processes that meet at an address, of two devices each; then the same case alone."""

    def command(*more: str) -> list[str]:
        sets = ["--set", "grid.x.cells=41", "--set", "grid.y.cells=37", "--set", "time.end=0.002", "--json"]
        return [sys.executable, "-m", "sim", "run", *sets, *more]

    where = ["--transport", "xla", "--devices", "2", "--coordinator", f"127.0.0.1:{free_port()}", "--processes", "2"]
    processes = [family.start(command("--output", "two", *where, "--process", str(i))) for i in (1, 0)]
    ended = [finish(process, family) for process in processes]
    assert [e.code for e in ended] == [0, 0], ended[0].stderr[-2000:] + ended[1].stderr[-2000:]
    alone = finish(family.start(command("--output", "one", "--transport", "serial")), family).json()
    two = ended[1].json()
    assert two["process_grid"] != alone["process_grid"] and two["statistics"] == alone["statistics"]
    ones, twos = (sorted((tmp_path / name / "snapshots").iterdir()) for name in ("one", "two"))
    assert [a.read_bytes() for a in ones] == [b.read_bytes() for b in twos] and len(ones) > 1


@pytest.mark.long
def test_sixteen_ranks_on_a_tiny_grid(mpirun: Callable[..., Ended], serial: Any) -> None:
    check(mpirun(16, CASES, json.dumps({"transport": "mpi"}), timeout=500).json(), serial, 16)
