"""What is broken or not there is named; nothing is asked for that need not be there yet."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim import failpoints
from sim.errors import SimError
from sim.looking.recorded import read_run
from sim.looking.wholeness import defects_of
from tests.sim.looking.runs import AMPLE, attached, edit, write_run
from tests.sim.looking.told import Page, said

Small = Callable[..., dict[str, Any]]
Capture = pytest.CaptureFixture[str]


def spoil(number: int, values: Any) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        edit(run / f"snapshots/{number}.h5", lambda file: file["u"].write_direct(values(file["u"][...])))

    return change


def with_nan(u: np.ndarray) -> np.ndarray:
    u[0, 3, 4:6] = np.nan, np.inf
    return u


def truncate(name: str) -> Callable[[Path], None]:
    return lambda run: (run / name).write_bytes((run / name).read_bytes()[:3000]) and None


def replace_field(make: Callable[[h5py.File], None]) -> Callable[[Path], None]:
    def change(file: h5py.File) -> None:
        del file["u"]
        make(file)

    return lambda run: edit(run / "snapshots/3.h5", change)


def link_outside(file: h5py.File) -> None:
    file["u"] = h5py.ExternalLink("1.h5", "u")


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((1, 12, 16), "f8")
    layout[...] = h5py.VirtualSource("1.h5", "u", (1, 12, 16))
    attached(file, file.create_virtual_dataset("u", layout))


def stored_outside(file: h5py.File) -> None:
    attached(file, file.create_dataset("u", (1, 12, 16), "f8", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]))


def huge(file: h5py.File) -> None:
    del file["x"], file["y"]
    for name, cells in (("y", 200_000_000), ("x", 200_000_000)):
        file.create_dataset(name, (cells,), "f8", chunks=(1024,)).make_scale(name)
    attached(file, file.create_dataset("u", (1, 200_000_000, 200_000_000), "f8", chunks=(1, 8, 8)))


def words(file: h5py.File) -> None:
    file["u"] = np.full((1, 12, 16), b"abc", "S3")


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a missing snapshot": (lambda run: (run / "snapshots/3.h5").unlink(), "snapshots/3.h5  is missing"),
    "a truncated snapshot": (truncate("snapshots/3.h5"), "truncated file"),
    "an empty snapshot": (lambda run: (run / "snapshots/3.h5").write_bytes(b""), "cannot read it"),
    "a pipe for a snapshot": (
        lambda run: ((run / "snapshots/3.h5").unlink(), os.mkfifo(run / "snapshots/3.h5")),
        "no regular file",
    ),
    "a directory for a snapshot": (
        lambda run: ((run / "snapshots/3.h5").unlink(), (run / "snapshots/3.h5").mkdir()),
        "no regular file",
    ),
    "cells that are no numbers": (spoil(3, with_nan), "2 of 192 cells of 'u' are NaN or infinite"),
    "another time": (lambda run: shutil.copy(run / "snapshots/2.h5", run / "snapshots/3.h5"), "is of t = 0.02"),
    "a link into another file": (replace_field(link_outside), "has no field of its own"),
    "a virtual field": (replace_field(virtual), "has no field of its own"),
    "a field stored elsewhere": (replace_field(stored_outside), "has no field of its own"),
    "a huge field": (replace_field(huge), "claims 320000000000000000 bytes"),
    "a field of words": (replace_field(words), "has no field of its own"),
    "no case": (lambda run: (run / "case.toml").unlink(), "case.toml  is missing"),
    "no series": (lambda run: (run / "results.h5").unlink(), "results.h5  is missing"),
    "a truncated series": (truncate("results.h5"), "results.h5  cannot read it"),
}


@pytest.mark.parametrize(("change", "fact"), BROKEN.values(), ids=BROKEN)
def test_what_is_not_whole_is_named(change: Callable[[Path], Any], fact: str, run: Path, capsys: Capture) -> None:
    change(run)
    text = " ".join(said(capsys, "info", run, status=1).split("\n"))
    assert "not whole" in text and fact in text


@pytest.mark.parametrize("broken", ["a truncated snapshot", "a huge field", "a truncated series"])
def test_the_rest_is_reported_all_the_same(broken: str, run: Path, capsys: Capture) -> None:
    change, fact = BROKEN[broken]
    change(run)
    said(capsys, "report", run)
    page = Page((run / "report.html").read_text())
    assert fact.split("  ")[-1] in page.words and len(page.loads) == 4


def damaged(name: str, first: int) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        (path,) = run.glob(name)
        content = bytearray(path.read_bytes())
        content[first] ^= 1
        path.write_bytes(content)

    return change


def shorter(file: h5py.File) -> None:
    values = file["middle"][:-1]
    del file["middle"]
    file["middle"] = values


def elsewhere(file: h5py.File) -> None:
    del file["all"]
    file["all"] = h5py.ExternalLink("results.h5", "step")


def nan_probe(file: h5py.File) -> None:
    file["all"][1:3] = np.nan, np.inf


BROKEN_BESIDE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no probes": (lambda run: (run / "probes.h5").unlink(), "probes.h5  is missing"),
    "truncated probes": (truncate("probes.h5"), "probes.h5  cannot read it"),
    "a probe that is too short": (lambda run: edit(run / "probes.h5", shorter), "'middle' has"),
    "a probe that is elsewhere": (lambda run: edit(run / "probes.h5", elsewhere), "has no series 'all'"),
    "probes that are no numbers": (lambda run: edit(run / "probes.h5", nan_probe), "numbers of 'all' are NaN"),
    "a truncated extra series": (truncate("extra/cut.h5"), "extra/cut.h5  cannot read it"),
    "no extra series": (lambda run: (run / "extra/cut.h5").unlink(), "extra/cut.h5  is missing"),
    "no extra files": (lambda run: shutil.rmtree(run / "extra/cut"), "extra/cut  is missing"),
    "no extra folder": (lambda run: shutil.rmtree(run / "extra"), "extra/wide  is missing"),
    "an empty extra output": (
        lambda run: [path.unlink() for path in (run / "extra").glob("cut*/*.h5")] and (run / "extra/cut.h5").unlink(),
        "extra/cut  holds no file",
    ),
    "a missing extra file": (lambda run: (run / "extra/cut/6.h5").unlink(), "extra/cut/6.h5  is missing"),
    "a truncated extra file": (truncate("extra/wide/1.h5"), "extra/wide/1.h5  cannot read it"),
    "a damaged block": (damaged("checkpoints/*/u-*.npy", 200), "SHA-256 does not match"),
    "a truncated block": (
        lambda run: [path.write_bytes(path.read_bytes()[:300]) for path in run.glob("checkpoints/*/*.npy")],
        "is not an array of (12, 16): it has 300 bytes",
    ),
    "a missing block": (lambda run: [path.unlink() for path in run.glob("checkpoints/*/*.npy")], "can't be read"),
    "a pipe for a block": (
        lambda run: [(path.unlink(), os.mkfifo(path)) for path in run.glob("checkpoints/*/*.npy")],
        "is no regular file",
    ),
    "a damaged manifest": (damaged("checkpoints/*/manifest.json", 300), "checkpoints/6  manifest.json is no"),
    "a case that is none": (lambda run: (run / "case.toml").write_text("[output"), "case.toml  isn't a run's case"),
}


@pytest.mark.parametrize(("change", "fact"), BROKEN_BESIDE.values(), ids=BROKEN_BESIDE)
def test_what_is_not_whole_beside_the_snapshots(
    change: Callable[[Path], Any], fact: str, ample: Path, tmp_path: Path, capsys: Capture
) -> None:
    run = Path(shutil.copytree(ample, tmp_path / "ample"))
    assert "whole: all is there" in said(capsys, "info", run)
    change(run)
    assert fact in said(capsys, "info", run, status=1)


class Left:
    """Is armed where a kill would be, and keeps what it would have left."""

    def __init__(self, run: Path, folder: Path) -> None:
        self.run, self.folder, self.kept = run, folder, 0
        self.there: set[tuple[str, int]] = set()

    @property
    def name(self) -> str:
        there = {(str(path), path.stat().st_size) for path in self.run.rglob("*")}
        if (self.run / "run.json").exists() and there != self.there:
            shutil.copytree(self.run, self.folder / str(self.kept))
            self.kept += 1
        self.there = there
        return ""


BLOWS_UP = [{"where": "x > 0", "multiply": 1e200, "times": [0.02, 0.025]}]


@pytest.mark.long
@pytest.mark.parametrize("fails", [False, True], ids=["to its end", "until it fails"])
def test_a_run_is_whole_so_far_wherever_it_is_killed(
    fails: bool, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more is asked for than there must be by then."""
    run, left = tmp_path / "run", Left(tmp_path / "run", tmp_path / "left")
    case = small(**AMPLE, checkpoint__every=2, parallel__overlap=False, **({"regions": BLOWS_UP} if fails else {}))
    monkeypatch.setattr(failpoints, "_armed", left)
    with pytest.raises(SimError, match="finite|blew up") if fails else nullcontext():
        sim.run(case, output=run)
    monkeypatch.undo()
    assert left.kept > 50
    for path in [run, *left.folder.iterdir()]:
        assert defects_of(read_run(path)) == [], path


def test_quick_reads_no_values(run: Path, capsys: Capture) -> None:
    spoil(3, with_nan)(run)
    assert "values not read" in said(capsys, "info", run, "--quick")


def test_another_shape_among_the_snapshots(tmp_path: Path, capsys: Capture) -> None:
    run = write_run(tmp_path, {0.0: {"u": np.zeros((4, 5))}, 1.0: {"u": np.zeros((4, 6))}, 2.0: {"v": np.ones((4, 5))}})
    text = said(capsys, "info", run, status=1)
    assert "has the shape (4, 6), not (4, 5)" in text and "has no field 'u'" in text
