"""Files are written whole or not at all, after a kill or on a full disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from sim import casefile
from sim.errors import SimError
from sim.output.durable import write_durably
from sim.output.snapshot import Snapshot
from sim.output.stream import streams_of
from sim.output.writer import PLAIN, choose_writer
from sim.team import MpiTeam, Solo, Team

ROOT = Path(__file__).resolve().parents[3]


def write(path: Path, case: Any, time: float, blocks: Any, team: Team) -> None:
    """A snapshot of u, whole."""
    writer = PLAIN if isinstance(team, Solo) else choose_writer("mpi-io", team)
    Snapshot(path, case, streams_of(case, ["u"])["snapshots"], time, team, {}).complete({"u": blocks}, writer)


def boxes(case: Any) -> Iterator[Any]:
    rows, columns = case.to_grid().shape
    half = rows // 2
    values = np.arange(rows * columns, dtype=case.numerics.dtype).reshape(rows, columns)
    yield (slice(0, half), slice(0, columns)), values[:half]
    yield (slice(half, rows), slice(0, columns)), values[half:]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocks_go_to_their_places(small: Callable[..., dict[str, Any]], tmp_path: Path, dtype: str) -> None:
    case = casefile.load(small((5, 8), numerics__dtype=dtype))
    write(tmp_path / "7.h5", case, 0.25, boxes(case), Solo())
    with h5py.File(tmp_path / "7.h5") as file:
        np.testing.assert_array_equal(file["u"][0], np.arange(40, dtype=dtype).reshape(5, 8))
        assert file["time"][:].tolist() == [0.25]
    assert [entry.name for entry in tmp_path.iterdir()] == ["7.h5"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_mpi_io_makes_the_same_file(
    small: Callable[..., dict[str, Any]], tmp_path: Path, single_rank_mpi: Any, dtype: str
) -> None:
    case = casefile.load(small((5, 8), numerics__dtype=dtype))
    whole = np.arange(40, dtype=dtype).reshape(5, 8)
    block = [((slice(0, 5), slice(0, 8)), whole)]
    write(tmp_path / "a.h5", case, 0.25, block, Solo())
    write(tmp_path / "b.h5", case, 0.25, block, MpiTeam(single_rank_mpi.COMM_WORLD.Dup()))
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


@pytest.mark.parametrize("error", [SimError("no"), OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_snapshot_leaves_no_file_and_the_old_one(
    small: Callable[..., dict[str, Any]], tmp_path: Path, error: BaseException
) -> None:
    case = casefile.load(small((5, 8)))

    def broken() -> Iterator[Any]:
        yield next(boxes(case))
        raise error

    write(tmp_path / "0.h5", case, 0.0, boxes(case), Solo())
    before = (tmp_path / "0.h5").read_bytes()
    for name in ("0.h5", "1.h5"):
        with pytest.raises((SimError, KeyboardInterrupt)) as caught:
            write(tmp_path / name, case, 0.0, broken(), Solo())
        assert not isinstance(error, OSError) or "No space left" in str(caught.value)
    assert (tmp_path / "0.h5").read_bytes() == before
    assert not (tmp_path / "1.h5").exists()
    if not isinstance(error, KeyboardInterrupt):
        assert [entry.name for entry in tmp_path.iterdir()] == ["0.h5"]


KILLED = """
import os, numpy as np
from pathlib import Path
from sim import casefile
from sim.output.snapshot import Snapshot
from sim.output.stream import streams_of
from sim.output.writer import PLAIN
from sim.team import Solo
case = casefile.load("heat2d", ["grid.x.cells=64", "grid.y.cells=64"])
def rows(start):
    return (slice(start, start + 32), slice(0, 64)), np.ones((32, 64))
def killed():
    yield rows(0)
    os._exit(9)
def write(path, blocks):
    Snapshot(path, case, streams_of(case, ["u"])["snapshots"], 0.0, Solo(), {}).complete({"u": blocks}, PLAIN)
write(Path("0.h5"), [rows(0), rows(32)])
write(Path("1.h5"), killed())
"""


def child_environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("XLA_", "JAX_"))}
    return {**kept, "PYTHONPATH": str(ROOT)}


def test_a_kill_in_the_middle_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, env=child_environment(), timeout=60)
    assert done.returncode == 9
    assert not (tmp_path / "1.h5").exists()
    with h5py.File(tmp_path / "0.h5") as file:
        assert (file["u"][0] == 1).all()


FULL_DISK = """
import resource, sys
from sim import cli
from sim.output import recorder
name, number, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
write, calls = getattr(recorder, name), []
def limited(*arguments):
    calls.append(1)
    if len(calls) == number:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    return write(*arguments)
setattr(recorder, name, limited)
sys.argv[1:4] = []
cli.entry()
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("writer", "call", "limit", "kept"),
    [
        ("Snapshot", 1, 20_000, 0),
        ("Snapshot", 3, 20_000, 2),
        ("Snapshot", 3, 1_000, 2),
        ("Snapshot", 3, 0, 2),
        ("write_series", 3, 1_000, 3),
        ("write_series", 3, 0, 3),
    ],
)
def test_a_full_disk_is_said_and_keeps_what_there_was(
    writer: str, call: int, limit: int, kept: int, tmp_path: Path, fields: Callable[[Path], list[np.ndarray]]
) -> None:
    """A limit on the size of files: writes beyond it fail as on a disk without room."""
    command = [sys.executable, "-c", FULL_DISK, writer, str(call), str(limit), "run", "heat2d", "--transport=serial"]
    command += ["--set", "grid.x.cells=64", "--set", "grid.y.cells=64", "--output", "out"]
    done = subprocess.run(command, cwd=tmp_path, env=child_environment(), timeout=120, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("sim: error:") == 1 and "Traceback" not in done.stderr
    assert "can't be written" in done.stderr and "File too large" in done.stderr
    assert str(Path("out")) in done.stderr
    snapshots = fields(tmp_path / "out")
    assert len(snapshots) == kept and all(np.isfinite(field).all() for field in snapshots)
    if kept:
        with h5py.File(tmp_path / "out" / "results.h5") as file:
            assert file["u"].shape == (kept, 64, 64)
            np.testing.assert_array_equal(file["u"][1], snapshots[1])
    assert not list((tmp_path / "out").rglob("*.part"))


def test_a_durable_write_is_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_durably(path, lambda part: part.write_text(json.dumps(1)) and None)

    def fail(part: Path) -> None:
        part.write_text("half")
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        write_durably(path, fail)
    assert path.read_text() == "1" and [entry.name for entry in tmp_path.iterdir()] == ["run.json"]
