"""Where a file may be put that is made of a run: `merge`, `report` and `plot` ask the same function."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sim
from sim import cli

Capture = pytest.CaptureFixture[str]
OWN = (
    *("case.toml", "run.json", "results.h5", "snapshots.vtkhdf.series", "probes.h5", "progress.json", "broken.h5"),
    *("lock", "monitor.png", "snapshots/1.h5", "snapshots/77.h5", "checkpoints/new.h5"),
    *("extra/row.h5", "extra/row/0.h5", "extra/odd-merged.h5", "extra/row.vtkhdf.series"),
)


@pytest.fixture
def run(small: Callable[..., dict[str, Any]], tmp_path: Path) -> Path:
    cut = {"index": {"y": 2}}
    path = tmp_path / "run"
    sim.run(small((5, 8), output__extra={"row": cut, "odd-merged": cut}), output=path)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(capsys: Capture, *arguments: object) -> str:
    assert cli.main([*map(str, arguments)]) == cli.EXIT_USER_ERROR
    out, err = capsys.readouterr()
    assert not out and err.startswith("sim: error: ") and err.count("\n") == 1
    return err


@pytest.mark.parametrize("command", ["merge", "report"])
def test_nothing_takes_the_place_of_what_a_run_wrote(command: str, run: Path, tmp_path: Path, capsys: Capture) -> None:
    os.symlink(run, tmp_path / "link")
    before = contents(run)
    for name in OWN:
        for output in (run / name, tmp_path / "link" / name):
            assert "keeps its own" in refused(capsys, command, run, "--output", output)
    (run / "run.json").rename(run / "moved")
    if command == "merge":  # which does without
        assert "keeps its own" in refused(capsys, command, run, "--output", run / "results.h5")
    (run / "moved").rename(run / "run.json")
    assert contents(run) == before


def test_neither_of_what_another_run_wrote(run: Path, small: Any, tmp_path: Path, capsys: Capture) -> None:
    sim.run(small((5, 8), output__extra={"monitor": {"index": {"y": 2}}}), output=tmp_path / "other")
    before = contents(tmp_path / "other")
    for output in ("results.h5", "snapshots/0.h5"):
        assert "keeps its own" in refused(capsys, "merge", run, "--output", tmp_path / "other" / output)
    monitor = tmp_path / "other/monitor.png"
    assert "keeps its own" in refused(capsys, "plot", run, "--output", monitor)
    assert contents(tmp_path / "other") == before


def test_folders_that_lie_elsewhere(run: Path, tmp_path: Path, capsys: Capture) -> None:
    (run / "snapshots").rename(tmp_path / "large")
    os.symlink(tmp_path / "large", run / "snapshots")
    assert "keeps its own" in refused(capsys, "merge", run, "--output", tmp_path / "large" / "0.h5")


@pytest.mark.parametrize("command", ["merge", "report", "plot"])
def test_only_a_file_is_replaced(command: str, run: Path, tmp_path: Path, capsys: Capture) -> None:
    """What a device is to it, a pipe is too."""
    kind = {"merge": "h5", "report": "html", "plot": "png"}[command]
    pipe, folder, link, file = (tmp_path / f"{name}.{kind}" for name in ("pipe", "folder", "link", "file"))
    os.mkfifo(pipe)
    folder.mkdir()
    file.write_text("old")
    os.symlink(file, link)
    for path in (pipe, folder, link):
        assert "is no regular file" in refused(capsys, command, run, "--output", path)
    assert pipe.is_fifo() and folder.is_dir() and link.is_symlink() and file.read_text() == "old"
    assert cli.main([command, str(run), "--output", str(file)]) == 0 and file.read_bytes() != b"old"


def test_what_was_made_of_a_run_is_made_anew(run: Path) -> None:
    for command in (["merge"], ["merge", "--extra", "row"], ["plot"]) * 2:
        assert cli.main([command[0], str(run), *command[1:]]) == 0
    assert (run / "extra/row-merged.h5").is_file() and (run / "merged.h5").is_file()


def test_a_folder_that_is_no_run_has_nothing_of_its_own(run: Path, tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    assert cli.main(["merge", str(run), "--output", str(tmp_path / "snapshots/0.h5")]) == 0
    assert cli.main(["report", str(run), "--output", str(tmp_path / "results.h5")]) == 0
