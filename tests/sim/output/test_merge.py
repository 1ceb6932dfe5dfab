"""`sim merge`: a whole run in one file, or none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim import cli
from sim.output.pieces import piece_shape, pieces

DAMAGE: dict[str, Callable[[Path], object]] = {
    "1.h5 is missing": Path.unlink,
    "is missing or damaged": lambda path: path.write_bytes(b"x"),
    "1.h5 is missing or damaged": lambda path: path.write_bytes(path.read_bytes()[:3000]),
    "1.h5 is not a file of this run": lambda path: path.write_bytes(path.with_name("2.h5").read_bytes()),
}


@pytest.fixture
def run(small: Callable[..., dict[str, Any]], tmp_path: Path) -> Any:
    table = small((5, 8), output__extra={"row": {"index": {"y": 2}, "every": 0.005}})
    return sim.run(table, output=tmp_path / "run")


def test_the_command_makes_the_file_and_says_where(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["merge", str(run.directory)]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == run.directory / "merged.h5"
    with h5py.File(path) as file, h5py.File(run.series) as series:
        np.testing.assert_array_equal(file["u"][:], series["u"][:])


def test_an_extra_output_packed_elsewhere(run: Any, tmp_path: Path) -> None:
    where = ["--extra", "row", "--output", str(tmp_path / "row.h5"), "--compress", "gzip"]
    assert cli.main(["merge", str(run.directory), *where]) == 0
    with h5py.File(tmp_path / "row.h5") as file, h5py.File(run.directory / "extra" / "row.h5") as series:
        assert file["u"].shape == (7, 1, 8) and file["u"].compression == "gzip"
        np.testing.assert_array_equal(file["u"][:], series["u"][:])


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert cli.main(["merge", *map(str, arguments)]) == 2
    message = capsys.readouterr().err
    assert message.startswith("sim: error:") and "Traceback" not in message
    return message


@pytest.mark.parametrize("words", DAMAGE)
def test_a_run_is_merged_whole_or_not_at_all(run: Any, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    DAMAGE[words](run.snapshots[1])
    assert words in refused(capsys, run.directory)
    assert not list(run.directory.glob("*merged*"))


def test_what_is_no_run_is_refused(run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "holds no run" in refused(capsys, tmp_path)
    assert "has no extra output 'column'; it has row" in refused(capsys, run.directory, "--extra", "column")
    before = run.snapshots[0].read_bytes()
    assert "where the run in" in refused(capsys, run.directory, "--output", run.snapshots[0])
    assert run.snapshots[0].read_bytes() == before
    assert "can't be written" in refused(capsys, run.directory, "--output", tmp_path / "no" / "m.h5")
    run.series.write_bytes(b"x")
    assert "results.h5 can't be read" in refused(capsys, run.directory)


def test_only_what_a_run_wrote_is_overwritten(run: Any, small: Callable[..., dict[str, Any]]) -> None:
    """A new run in its place leaves no file of the old one, and all files of others."""
    assert cli.main(["merge", str(run.directory)]) == 0
    stranger = run.directory / "extra" / "row" / "notes.txt"
    stranger.write_text("mine")
    os.symlink(stranger, run.directory / "extra" / "link")
    sim.run(small((5, 8), time__end=0.01), output=run.directory, overwrite=True)
    assert not (run.directory / "merged.h5").exists() and stranger.read_text() == "mine"
    left = {path.relative_to(run.directory).as_posix() for path in run.directory.rglob("*") if path.is_file()}
    assert left == {
        *("case.toml", "run.json", "results.h5", "snapshots.vtkhdf.series", "snapshots/0.h5", "snapshots/1.h5"),
        *(
            "progress.json",
            "extra/row/notes.txt",
            "extra/link",
            "checkpoints/1/u-0-0.npy",
            "checkpoints/1/manifest.json",
        ),
    }


@pytest.mark.parametrize(
    ("shape", "itemsize", "one"),
    [
        ((7, 9), 8, (1, 9)),
        ((2, 2**20), 8, (1, 2**17)),
        ((3, 8192, 8192), 4, (1, 32, 8192)),
        ((3, 5, 600, 700), 8, (1, 1, 187, 700)),
        ((3, 50, 60, 70), 4, (1, 50, 60, 70)),
    ],
)
def test_pieces_are_small_and_make_the_whole(shape: tuple[int, ...], itemsize: int, one: tuple[int, ...]) -> None:
    assert piece_shape(shape, itemsize) == one and np.prod(one) * itemsize <= 2**20
    if np.prod(shape) < 10**7:
        count = np.zeros(shape, int)
        for piece in pieces(shape, itemsize):
            count[piece] += 1
        assert (count == 1).all()
