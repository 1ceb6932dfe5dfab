"""The run directory: a new one each time, and never somebody else's."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from sim.errors import SimError
from sim.output import durable, rundir
from sim.team import Solo

pytestmark = pytest.mark.usefixtures("elsewhere")


OURS = ("run.json", "case.toml", "results.h5", "broken.h5")


def made_in(name: str, wanted: Path | None, overwrite: bool) -> rundir.RunDirectory:
    with rundir.held(Solo(), lambda: rundir.create(name, wanted, overwrite)) as directory:
        assert (directory.path / "lock").exists()
    return directory


def fill(path: Path) -> None:
    """What a run leaves behind."""
    (path / "snapshots").mkdir(parents=True, exist_ok=True)
    for number in (70, 80):
        (path / "checkpoints" / str(number)).mkdir(parents=True)
    (path / "checkpoints" / ".90.part").mkdir()
    for name in (*OURS, "snapshots/0.h5", "snapshots/1.h5", "checkpoints/80/manifest.json"):
        (path / name).write_text("old")


def test_runs_are_numbered_and_latest_points_at_the_last() -> None:
    for number in (1, 2, 3):
        made = made_in("bar", None, overwrite=False)
        assert made.path == Path(f"runs/bar/00{number}")
        assert (made.path / "snapshots").is_dir()
        latest = Path("runs/bar/latest")
        assert latest.is_symlink() and os.readlink(latest) == f"00{number}"
    assert made_in("other", None, overwrite=False).path == Path("runs/other/001")


@pytest.mark.parametrize(("present", "following"), [("041", "042"), ("999", "1000"), ("12", "013")])
def test_numbering_goes_on_after_the_highest(present: str, following: str) -> None:
    (Path("runs/bar") / present).mkdir(parents=True)
    (Path("runs/bar") / "notes").mkdir()
    assert made_in("bar", None, overwrite=False).path.name == following


def test_a_number_taken_meanwhile_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("runs/bar/001").mkdir(parents=True)
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(()))  # looked before the other run made it
    assert made_in("bar", None, overwrite=False).path.name == "002"


def test_a_link_that_a_killed_process_of_this_number_left_is_replaced() -> None:
    Path("runs/bar").mkdir(parents=True)
    Path(f"runs/bar/.latest.{os.getpid()}").symlink_to("007")
    assert made_in("bar", None, overwrite=False).path.name == "001"
    assert sorted(entry.name for entry in Path("runs/bar").iterdir()) == ["001", "latest"]


def test_folders_are_on_disk_with_what_is_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every folder in which one was made is synced after that; those that were there are left alone."""
    synced: list[tuple[Path, bool]] = []
    monkeypatch.setattr(durable, "sync", lambda folder: synced.append((folder, Path("a/b/c").is_dir())))
    durable.make_folder(Path("a/b/c"))
    assert sorted(synced) == [(Path(), True), (Path("a"), True), (Path("a/b"), True)]
    durable.make_folder(Path("a/b/c"))
    assert len(synced) == 3


def test_somebodys_own_directory_called_latest_is_left_alone() -> None:
    Path("runs/bar/latest").mkdir(parents=True)
    Path("runs/bar/latest/precious").write_text("mine")
    assert made_in("bar", None, overwrite=False).path.name == "001"
    assert Path("runs/bar/latest/precious").read_text() == "mine"
    assert {entry.name for entry in Path("runs/bar").iterdir()} == {"001", "latest"}


def test_a_given_directory_is_made_with_its_parents() -> None:
    made = made_in("bar", Path("a/b/c"), overwrite=False)
    assert made.path == Path("a/b/c") and made.snapshot(7).parent.is_dir()
    assert [entry.name for entry in made.path.iterdir()] == ["snapshots"]  # nothing left of the lock


def test_a_directory_with_other_things_can_be_used() -> None:
    Path("d").mkdir()
    Path("d/notes.txt").write_text("mine")
    made_in("bar", Path("d"), overwrite=False)
    assert Path("d/notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", [*OURS, "snapshots", "checkpoints"])
def test_an_occupied_directory_is_refused_and_left_as_it_is(name: str) -> None:
    if name in ("snapshots", "checkpoints"):
        Path("d", name).mkdir(parents=True)
        Path("d", name, "0").write_text("old")
    else:
        Path("d").mkdir()
        (Path("d") / name).write_text("old")
    before = sorted(Path("d").rglob("*"))
    with pytest.raises(SimError, match=r"already holds a run.*--overwrite"):
        made_in("bar", Path("d"), overwrite=False)
    assert sorted(Path("d").rglob("*")) == before


def test_overwrite_removes_the_old_run_and_nothing_else() -> None:
    fill(Path("d"))
    Path("d/notes.txt").write_text("mine")
    Path("d/plots").mkdir()
    Path("d/plots/u.png").write_text("mine")
    made = made_in("bar", Path("d"), overwrite=True)
    left = {str(path.relative_to("d")) for path in Path("d").rglob("*")}
    assert left == {"snapshots", "checkpoints", "notes.txt", "plots", "plots/u.png"}
    assert not any(path.exists() for path in (made.record, made.case, made.series, made.snapshot(0)))


def test_overwrite_keeps_foreign_files_among_the_snapshots() -> None:
    fill(Path("d"))
    Path("d/snapshots/notes.txt").write_text("mine")
    made_in("bar", Path("d"), overwrite=True)
    assert Path("d/snapshots/notes.txt").read_text() == "mine"
    assert not Path("d/snapshots/0.h5").exists()


def test_overwrite_follows_no_links() -> None:
    fill(Path("old"))
    Path("d").mkdir()
    Path("d/snapshots").symlink_to(Path("old/snapshots").resolve())
    made_in("bar", Path("d"), overwrite=True)
    assert Path("old/snapshots/0.h5").read_text() == "old"


def test_a_file_is_no_directory() -> None:
    Path("f").write_text("mine")
    with pytest.raises(SimError, match="f is a file"):
        rundir.create("bar", Path("f"), overwrite=True)
    assert Path("f").read_text() == "mine"


@pytest.mark.parametrize("where", ["f/below", "/proc/none/here", "/proc", "x" * 300])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_directory_that_cannot_be_written(where: str, overwrite: bool) -> None:
    Path("f").write_text("mine")
    with pytest.raises(SimError, match="can't be written"):
        rundir.create("bar", Path(where), overwrite)
    assert {entry.name for entry in Path().iterdir()} == {"f"}


def test_a_default_directory_that_cannot_be_written() -> None:
    Path("runs").write_text("in the way")
    with pytest.raises(SimError, match="runs can't be written"):
        rundir.create("bar", None, overwrite=False)


def test_a_working_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SimError, match="the output directory runs can't be written: .*go to a directory that is there"):
        rundir.check_writable(None)
    rundir.check_writable(tmp_path / "out")


def test_the_way_on_can_be_pasted(tmp_path: Path) -> None:
    """Whatever is in the directory's name."""
    directory = tmp_path / "my runs" / "it's one"
    (directory / rundir.RECORD).parent.mkdir(parents=True)
    (directory / rundir.RECORD).write_text("{}")
    with pytest.raises(SimError) as refused:
        rundir.create("bar", directory, overwrite=False)
    (command,) = re.findall(r"\((python -m sim resume .*)\), or", str(refused.value))
    assert shlex.split(command)[-1] == str(directory)
