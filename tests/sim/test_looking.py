"""Info, compare, report and watch, on whole runs, broken ones, and what others may have put there."""

from __future__ import annotations

import hashlib
import html.parser
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim import casefile, cli, failpoints
from sim.errors import SimError
from sim.looking import difference
from sim.looking import record as records
from sim.looking.field import _boxes, fields_of, times_of
from sim.looking.record import Progress
from sim.looking.recorded import read_run
from sim.looking.wholeness import examine
from sim.looking.words import clean, duration, quantity
from sim.output import lock
from sim.output.lock import Holder
from sim.output.series import write_series
from sim.output.stream import MAIN, WrittenFiles, streams_of
from tests.sim.looking import write_run

Small = Callable[..., dict[str, Any]]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def original(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "small"
    sim.run(small(output__units="degC", output__time_units="s", title="A <b>small</b> case"), output=path)
    return path


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    """A run directory of its own, to be broken."""
    return Path(shutil.copytree(original, tmp_path / "run"))


def said(capsys: Capture, *arguments: object, status: int = 0) -> str:
    """What a command prints; one message and nothing else where it is refused."""
    assert cli.main([str(argument) for argument in arguments]) == status
    out, err = capsys.readouterr()
    if status == cli.EXIT_USER_ERROR:
        assert not out and err.startswith("sim: error: ") and err.count("sim: error") == 1
        return err
    return out


def edit(path: Path, change: Callable[[h5py.File], None]) -> None:
    with h5py.File(path, "r+") as file:
        change(file)


# ------------------------------------------------------------------------------------------------------------- info


def test_a_whole_run(original: Path, capsys: Capture) -> None:
    text = said(capsys, "info", original)
    assert "complete" in text and "whole: all is there" in text and "12 × 16 cells" in text and "u (°C)" in text
    found = json.loads(said(capsys, "info", original, "--json"))
    assert found["whole"] and found["fraction"] == 1.0 and found["findings"] == [] and found["status"] == "complete"
    assert found["times"] == [0.0, 0.01, 0.02, 0.03] and found["fields"]["u"]["shape"] == [12, 16]
    assert found["record"]["case"] == "small" and found["step"] == found["record"]["steps"]


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


def attached(file: h5py.File, dataset: h5py.Dataset) -> None:
    for axis, name in enumerate(("time", "y", "x")):
        dataset.dims[axis].attach_scale(file[name])


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


@pytest.fixture(scope="module")
def ample(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with further outputs, probes and a checkpoint."""
    path = tmp_path_factory.mktemp("runs") / "ample"
    sim.run(small(**AMPLE), output=path)
    return path


AMPLE: dict[str, Any] = {
    "output__extra": {"cut": {"at": {"y": 1.0}, "every": 0.005}, "wide": {"stride": {"x": 2}}},
    "probes": {"every": 1, "points": {"middle": {"at": {"x": 1.0, "y": 1.0}}}, "regions": {"all": {"where": "x > 0"}}},
}


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


def test_a_series_may_have_many_times(small: Small, tmp_path: Path) -> None:
    case, count = casefile.load(small()), 10_001
    written = WrittenFiles([float(number) for number in range(count)], list(range(count)))
    write_series(tmp_path, case, streams_of(case, ["u"])[MAIN], written, {})
    assert times_of(tmp_path / "results.h5")[0].size == count


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
        assert examine(read_run(path)) == [], path


def test_quick_reads_no_values(run: Path, capsys: Capture) -> None:
    spoil(3, with_nan)(run)
    assert "values not read" in said(capsys, "info", run, "--quick")


def test_another_shape_among_the_snapshots(tmp_path: Path, capsys: Capture) -> None:
    run = write_run(tmp_path, {0.0: {"u": np.zeros((4, 5))}, 1.0: {"u": np.zeros((4, 6))}, 2.0: {"v": np.ones((4, 5))}})
    text = said(capsys, "info", run, status=1)
    assert "has the shape (4, 6), not (4, 5)" in text and "has no field 'u'" in text


def test_leftovers_and_checkpoints(run: Path, capsys: Capture) -> None:
    (run / "snapshots/.4.h5.part").touch()
    shutil.copytree(run / "checkpoints/6", run / "checkpoints/12")
    text = said(capsys, "info", run)
    assert ".4.h5.part" in text and "checkpoints  2: 6, 12" in text
    told = json.loads((run / "run.json").read_text())
    record(run, json.dumps({**told, "status": "running"}))
    lock_it(run)
    assert ".part" not in said(capsys, "info", run)


NO_RUN: dict[str, Callable[[Path], Path]] = {
    "nothing": lambda run: run / "nowhere",
    "an impossible name": lambda run: Path("x" * 5000),
    "an empty directory": lambda run: run / "snapshots",
    "a file": lambda run: run / "case.toml",
    "a record that isn't JSON": lambda run: record(run, "{"),
    "a record that is too deep": lambda run: record(run, "[" * 100_000),
    "a record of another kind": lambda run: record(run, '{"status": [1]}'),
    "a record of bytes": lambda run: record(run, b"\xff\xfe"),
    "a record that is a pipe": lambda run: ((run / "run.json").unlink(), os.mkfifo(run / "run.json"), run)[2],
    "a million snapshots and one": lambda run: record(run, json.dumps({"snapshots": [""] * 1_000_001})),
}


def record(run: Path, content: str | bytes) -> Path:
    (run / "run.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    return run


def lock_it(run: Path, holder: Holder | None = None) -> None:
    """Have somebody at it."""
    (run / lock.NAME).write_text(json.dumps(asdict(holder or Holder.myself())))


@pytest.mark.parametrize("make", NO_RUN.values(), ids=NO_RUN)
def test_what_is_no_run_is_refused_by_all(make: Callable[[Path], Path], run: Path, capsys: Capture) -> None:
    path = make(run)
    before = sorted(run.rglob("*"))
    for command in (["info"], ["info", "--json"], ["plot"], ["plot", "--gif"], ["report"], ["watch"], ["compare", run]):
        said(capsys, *command, path, status=2)
    assert sorted(run.rglob("*")) == before


@pytest.mark.parametrize("command", ["info", "plot", "report", "watch"])
def test_what_may_not_be_read_is_said(
    command: str, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    # The tests may run as somebody to whom all is permitted.
    monkeypatch.setattr("sim.looking.record.read", refuse)
    assert "can't be read: Permission denied" in said(capsys, command, run, status=2)


def test_a_run_that_has_written_nothing_yet(tmp_path: Path, capsys: Capture) -> None:
    run = write_run(tmp_path, {}, status="running")
    lock_it(run)
    assert "running" in said(capsys, "info", run) and "no snapshot yet" in said(capsys, "plot", run, status=2)
    said(capsys, "report", run)
    assert "running" in Page((run / "report.html").read_text()).words


# ---------------------------------------------------------------------------------------------------------- compare


def test_a_run_is_the_same_as_itself(original: Path, run: Path, capsys: Capture) -> None:
    assert "the same: every byte" in said(capsys, "compare", original, run)
    single = said(capsys, "compare", original / "snapshots/1.h5", run / "snapshots/1.h5", "--json")
    assert json.loads(single)["same_bytes"]


def test_norms_of_the_difference(original: Path, run: Path, capsys: Capture) -> None:
    def nudge(file: h5py.File) -> None:
        file["u"][0, 2, 3] += 0.5
        file["u"][0, 7, 1] -= 0.25

    edit(run / "snapshots/2.h5", nudge)
    with h5py.File(original / "snapshots/2.h5") as file:
        u = file["u"][0]
    found = json.loads(said(capsys, "compare", original, run, "--json", status=1))
    assert [each["same_bytes"] for each in found["differences"]] == [True, True, False, True]
    third = found["differences"][2]
    assert third["time"] == 0.02 and third["max"] == pytest.approx(0.5, rel=1e-12)
    assert third["l2"] == pytest.approx(np.sqrt((0.5**2 + 0.25**2) / u.size), rel=1e-12)
    assert third["relative"] == pytest.approx(0.5 / np.abs(u).max(), rel=1e-12)
    assert third["sha256"][0] == hashlib.sha256(u.tobytes()).hexdigest() != third["sha256"][1]
    assert "within 0.5" in said(capsys, "compare", original, run, "--tolerance", "0.5")
    assert "different: at most" in said(capsys, "compare", original, run, "--tolerance", "0.01", status=1)


def test_the_file_that_ties_an_output_together_stands_for_it(
    original: Path, ample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    assert "the same: every byte" in said(capsys, "compare", original / "results.h5", original)
    run = Path(shutil.copytree(ample, tmp_path / "extra"))  # like the folder of further outputs, but a run's
    assert "the same: every byte" in said(capsys, "compare", ample / "results.h5", run / "results.h5")
    cut = json.loads(said(capsys, "compare", ample / "extra/cut.h5", run / "extra/cut.h5", "--json"))
    assert len(cut["differences"]) == 7 and cut["same_bytes"]
    edit(run / "extra/cut/2.h5", lambda file: file["u"].write_direct(file["u"][...] + 1))
    assert "different" in said(capsys, "compare", ample / "extra/cut.h5", run / "extra/cut.h5", status=1)
    assert said(capsys, "plot", run / "results.h5") == f"{run}/u.png\n"
    assert said(capsys, "plot", run / "extra/cut.h5") == f"{run}/extra/u.png\n"
    monkeypatch.chdir(run / "extra")
    assert said(capsys, "plot", "cut.h5") == "u.png\n"


def test_no_other_file_is_read_by_way_of_one(original: Path, run: Path, tmp_path: Path, capsys: Capture) -> None:
    """A file is what ties its run together by its place alone, not by what it refers to."""
    alone = Path(shutil.copy(original / "results.h5", original.parent / "alone.h5"))
    for where in (alone, Path(shutil.copy(alone, tmp_path / "results.h5"))):
        for command in (["plot"], ["compare", original]):
            assert "`sim merge` makes" in said(capsys, *command, where, status=2)
    with h5py.File(run / "results.h5", "w") as file:
        for name, values in {"time": [0.0], "y": [0.5], "x": [0.5, 1.5]}.items():
            file[name] = np.array(values)
            file[name].make_scale(name)
        layout = h5py.VirtualLayout((1, 1, 2), "f8")
        layout[...] = h5py.VirtualSource(original / "snapshots/0.h5", "u", (1, 12, 16))[:, :1, :2]
        attached(file, file.create_virtual_dataset("u", layout))
    edit(run / "snapshots/3.h5", lambda file: file["u"].write_direct(file["u"][...] + 1))
    found = json.loads(said(capsys, "compare", run / "results.h5", run, "--json"))
    assert found["same_bytes"] and len(found["differences"]) == 4


def test_what_only_one_has_is_a_difference(original: Path, run: Path, capsys: Capture) -> None:
    (run / "snapshots/1.h5").unlink()
    text = said(capsys, "compare", original, run, "--tolerance", "1", status=1)
    assert "t = 0.01 only in A" in text and "1 snapshot of B missing" in text


@pytest.mark.parametrize(
    ("a", "b", "same", "largest"),
    [
        ([0.0, np.nan, np.inf], [0.0, np.nan, np.inf], True, 0.0),
        ([0.0, 1.0, 2.0], [-0.0, 1.0, 2.0], False, 0.0),
        ([np.nan, 1.0, 2.0], [0.0, 1.0, 2.0], False, np.inf),
        ([1e308, 0.0, 0.0], [-1e308, 0.0, 0.0], False, np.inf),
        (np.array([0.1, 0.2, 0.3], ">f8"), np.array([0.1, 0.2, 0.3], "<f8"), True, 0.0),
        (np.array([1, 2, 3], np.float32), np.array([1, 2, 3.5]), False, 0.5),
    ],
)
def test_differences_of_all_kinds(a: Any, b: Any, same: bool, largest: float, tmp_path: Path) -> None:
    fields = []
    for name, values in (("a", a), ("b", b)):
        run = write_run(tmp_path / name, {0.0: {"u": np.asarray(values)}})
        fields.append(fields_of(run / "snapshots/0.h5")["u"])
    found = difference.difference(*fields, time=0.0)
    assert found.same_bytes is same and found.max == largest
    assert found.within(None) is same and found.within(1e9) is (same or largest < np.inf)


def test_slabs_of_either_size_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.looking.field._SLAB_BYTES", 64)
    u = np.arange(7 * 5 * 3, dtype=np.float32).reshape(7, 5, 3)
    a = fields_of(write_run(tmp_path / "a", {0.0: {"u": u}}) / "snapshots/0.h5")["u"]
    b = fields_of(write_run(tmp_path / "b", {0.0: {"u": u.astype(np.float64) + (u == 100)}}) / "snapshots/0.h5")["u"]
    assert np.concatenate([slab.ravel() for slab in a.slabs()]).tobytes() == u.tobytes()
    found = difference.difference(a, b, 0.0)
    assert found.max == 1.0 and found.l2 == pytest.approx(np.sqrt(1 / u.size))
    assert found.digests[0] == hashlib.sha256(u.tobytes()).hexdigest()


@pytest.mark.parametrize("shape", [(1,), (100,), (7, 5), (3, 11, 2), (2, 40)])
@pytest.mark.parametrize("most", [1, 4, 9, 1000])
def test_boxes_cover_each_cell_once_in_order(shape: tuple[int, ...], most: int) -> None:
    cells = np.arange(np.prod(shape)).reshape(shape)
    parts = [cells[box].ravel() for box in _boxes(shape, most)]
    assert np.array_equal(np.concatenate(parts), cells.ravel()) and max(map(len, parts)) <= most


UNCOMPARABLE = {
    "other grids": ({"u": np.zeros((3, 4))}, {"u": np.zeros((4, 3))}, [], "only fields on one grid"),
    "no common field": ({"u": np.zeros(3)}, {"v": np.zeros(3)}, [], "no field in common"),
    "a field that isn't there": ({"u": np.zeros(3)}, {"u": np.zeros(3)}, ["--field", "w"], "no field 'w'"),
    "a senseless tolerance": ({"u": np.zeros(3)}, {"u": np.zeros(3)}, ["--tolerance", "nan"], "--tolerance"),
}


@pytest.mark.parametrize(("a", "b", "options", "word"), UNCOMPARABLE.values(), ids=UNCOMPARABLE)
def test_what_cannot_be_compared(
    a: Any, b: Any, options: list[str], word: str, tmp_path: Path, capsys: Capture
) -> None:
    runs = [write_run(tmp_path / name, {0.0: fields}) for name, fields in (("a", a), ("b", b))]
    assert word in said(capsys, "compare", *runs, *options, status=2)


@pytest.mark.parametrize("change", [{"grid__x__upper": 2.0}, {"grid__x__lower": -1e-14}, {}])
def test_grids_of_as_many_cells_are_not_one(
    change: dict[str, Any], small: Small, original: Path, tmp_path: Path, capsys: Capture
) -> None:
    sim.run(small(time__end=0.01, **change), output=tmp_path / "b")
    if not change:
        assert "what both have is the same" in said(capsys, "compare", original, tmp_path / "b", status=1)
        return
    for tolerance in ([], ["--tolerance", "1e9"]):
        text = said(capsys, "compare", original, tmp_path / "b", *tolerance, status=2)
        assert "only fields on one grid" in text and text.count("cells from x = ") == 2


def test_no_time_in_common(tmp_path: Path, capsys: Capture) -> None:
    runs = [write_run(tmp_path / str(time), {time: {"u": np.zeros(3)}}) for time in (1.0, 2.0)]
    assert "no time in common" in said(capsys, "compare", *runs, status=2)


# ----------------------------------------------------------------------------------------------------------- report


class Page(html.parser.HTMLParser):
    """Its tags, what it would load, and its words; and whether each tag that was opened is closed."""

    VOID = ("meta", "img", "br", "source")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for key, value in attrs if key in ("src", "srcset", "href")]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_a_report_needs_nothing_else(run: Path, tmp_path: Path, capsys: Capture) -> None:
    target = tmp_path / "page.html"
    assert said(capsys, "report", run, "--output", target).strip() == str(target)
    page = Page(target.read_text())
    # The field's picture and its course over time, each on white and on dark paper.
    assert len(page.loads) == 4 and all(load.startswith("data:image/png;base64,iVBOR") for load in page.loads)
    assert "A <b>small</b> case" in page.words and "b" not in page.tags[: page.tags.index("h2")]
    for word in ("stepping", "versions", "jax", "[boundary.x]", "whole", "t = 0.03 s"):
        assert word in page.words


def test_a_report_escapes_all_that_is_not_ours(run: Path, capsys: Capture) -> None:
    evil = "</pre></title><script>alert(1)</script><img src=x>\x1b[2J"
    told = json.loads((run / "run.json").read_text())
    told.update(case=evil, error=evil, command=[evil], versions={evil: evil}, transport=evil, status=evil)
    told.update(statistics={evil: {evil: 1.0}})
    record(run, json.dumps(told))
    (run / "case.toml").write_text(evil)
    for path in (run / "snapshots").iterdir():
        edit(path, lambda file: file["u"].attrs.update(long_name=f"$\\frac{{{evil}", units=np.arange(3)))
    edit(run / "results.h5", lambda file: file.attrs.update(title=evil))
    said(capsys, "report", run)
    page = Page((run / "report.html").read_text())
    assert "script" not in page.tags and all(load.startswith("data:") for load in page.loads)
    assert page.words.count("alert(1)") > 8
    text = said(capsys, "info", run, status=1)  # such a case is none
    assert "\x1b" not in text and "alert(1)" in text


def test_series_of_other_files_are_shown(run: Path, capsys: Capture) -> None:
    with h5py.File(run / "probes.h5", "w") as file:
        file.create_dataset("time", data=np.arange(5.0)).make_scale("time")
        file.create_dataset("number", data=np.arange(2)).make_scale("number")
        probes = file.create_dataset("probe", data=np.ones((5, 2)))
        for axis, name in enumerate(("time", "number")):
            probes.dims[axis].attach_scale(file[name])
        flux = file.create_dataset("flux", data=np.ones(5))
        flux.dims[0].attach_scale(file["time"])
    said(capsys, "report", run)
    assert len(Page((run / "report.html").read_text()).loads) == 8


# ------------------------------------------------------------------------------------------------ progress and watch


def test_a_run_leaves_its_progress(original: Path) -> None:
    found = Progress.model_validate_json((original / "progress.json").read_text())
    assert found.step == found.steps > 0 and found.time == found.end == 0.03 and found.fraction == 1.0
    assert found.pid == os.getpid() and not found.is_dead and not list(original.glob(".*"))


def test_a_directory_where_progress_cannot_be_told(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sim.progress.replace_quickly", refuse)
    assert sim.run(small(), output=tmp_path / "out").time == 0.03
    assert not (tmp_path / "out/progress.json").exists()


def goes_on(run: Path, pid: int) -> None:
    """Make a run look as if a process were at it."""
    lock_it(run)
    record(run, json.dumps({"status": "running", "case": "small", "started": "2020-01-01T00:00:00+00:00"}))
    told = json.loads((run / "progress.json").read_text())
    (run / "progress.json").write_text(json.dumps({**told, "pid": pid, "step": 1, "steps": 4, "time": 0.01}))


def test_watch_follows_until_the_end(run: Path, capsys: Capture) -> None:
    complete = (run / "run.json").read_text()
    goes_on(run, os.getpid())
    later = threading.Timer(0.3, lambda: record(run, complete))
    later.start()
    lines = said(capsys, "watch", run, "--interval", "0.05").splitlines()
    later.join()
    assert len(lines) == 2 and lines[0].startswith("running  step 1 of 4 (25.0%)  t = 0.01 s")
    assert lines[-1].startswith("complete")


def test_a_process_that_is_gone_is_noticed(run: Path, capsys: Capture) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    goes_on(run, gone.pid)
    assert said(capsys, "watch", run, status=1).startswith("died")
    assert "died" in said(capsys, "info", run) and "25.0%" in said(capsys, "info", run)


def test_a_run_that_was_killed_before_its_first_step_died(run: Path, capsys: Capture) -> None:
    """No progress is told yet, but whose run it is; of another machine's nothing is known."""
    myself = Holder.myself()
    (run / "progress.json").unlink()
    for holder, word in (
        (replace(myself, started="1"), "died"),
        (myself, "running"),
        (replace(myself, started="1", boot="?"), "running"),
        (replace(myself, started="1", host="a container"), "running"),
        (replace(myself, started=""), "running"),
    ):
        record(run, json.dumps({"status": "running"}))
        lock_it(run, holder)
        assert json.loads(said(capsys, "info", run, "--json"))["status"] == word


@pytest.mark.parametrize("progress", [False, True])
def test_a_run_that_nobody_is_at_died(progress: bool, run: Path, capsys: Capture) -> None:
    """By an exception, say, in a process that lives on."""
    goes_on(run, os.getpid())
    if not progress:
        (run / "progress.json").unlink()
    (run / lock.NAME).unlink()
    assert json.loads(said(capsys, "info", run, "--json"))["status"] == "died"
    assert said(capsys, "watch", run, status=1).startswith("died")


def test_an_exception_before_the_first_step_is_the_end(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("sim.simulation.Simulation.compile", fails)
    with pytest.raises(RuntimeError):
        sim.run(small(), output=tmp_path / "out")
    assert not (tmp_path / "out/progress.json").exists()
    assert said(capsys, "info", tmp_path / "out", "--quick").startswith("out  died")
    assert said(capsys, "watch", tmp_path / "out", status=1).startswith("died")


@pytest.mark.parametrize("ends", [False, True], ids=["begins", "ends"])
def test_a_run_that_begins_or_ends_meanwhile_is_not_dead(
    ends: bool, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on(run, os.getpid())
    held, status = (run / lock.NAME).read_text(), "complete" if ends else "running"
    (run / lock.NAME).write_text(held) if ends else (run / lock.NAME).unlink()

    def slow(path: Path, model: Any) -> Any:
        if path.name == "run.json":
            record(run, json.dumps({"status": status}))
            (run / lock.NAME).unlink() if ends else (run / lock.NAME).write_text(held)
        return read(path, model)

    read = records.read
    monkeypatch.setattr(records, "read", slow)
    assert read_run(run).state == status


def test_a_run_whose_process_ends_while_it_is_looked_at_is_not_dead(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = subprocess.Popen(["sleep", "60"])
    goes_on(run, process.pid)

    def fast(path: Path, model: Any) -> Any:
        found = read(path, model)
        if path.name == "run.json":
            process.kill()
            process.wait()
        return found

    read = records.read
    monkeypatch.setattr(records, "read", fast)
    assert read_run(run).state == "running"


def test_what_was_last_heard_is_told_as_of_when_it_was_read(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Not as of when all values have been read, which may take long."""
    goes_on(run, os.getpid())
    told = json.loads((run / "progress.json").read_text())
    (run / "progress.json").write_text(json.dumps({**told, "written": datetime.now(UTC).isoformat()}))

    def slow(*arguments: Any, **options: Any) -> Any:
        time.sleep(3)
        return examine(*arguments, **options)

    monkeypatch.setattr("sim.looking.info.examine", slow)
    assert json.loads(said(capsys, "info", run, "--json"))["last_heard_seconds"] < 3


def test_the_progress_of_an_earlier_run_does_not_count(run: Path, capsys: Capture) -> None:
    goes_on(run, os.getpid())
    record(run, json.dumps({"status": "running", "started": "2100-01-01T00:00:00+00:00"}))
    assert json.loads(said(capsys, "info", run, "--json"))["step"] is None


def test_a_failed_run_says_why(run: Path, capsys: Capture) -> None:
    record(run, json.dumps({"status": "failed", "error": "the field blew up"}))
    assert "the field blew up" in said(capsys, "watch", run, status=1)
    assert "the field blew up" in said(capsys, "info", run)


@pytest.mark.parametrize("interval", ["0", "-1", "nan", "inf"])
def test_an_interval_that_makes_no_sense(interval: str, run: Path, capsys: Capture) -> None:
    assert "--interval" in said(capsys, "watch", run, "--interval", interval, status=2)


# ---------------------------------------------------------------------------------------------------------- monitor


def test_a_monitored_run(small: Small, tmp_path: Path) -> None:
    sim.run(small(), output=tmp_path / "out", monitor=True)
    lines = [json.loads(line) for line in (tmp_path / "out/monitor.jsonl").read_text().splitlines()]
    assert [line["snapshot"] for line in lines] == [0, 1, 2, 3]
    assert [line["time"] for line in lines] == [0.0, 0.01, 0.02, 0.03]
    with h5py.File(tmp_path / "out/snapshots/3.h5") as file:
        u = file["u"][...]
    last = lines[-1]["fields"]["u"]
    assert (last["min"], last["max"], last["every"]) == (u.min(), u.max(), [1, 1])
    assert last["mean"] == pytest.approx(u.mean())
    assert (tmp_path / "out/monitor.png").read_bytes().startswith(b"\x89PNG")


def test_the_run_survives_its_monitor(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    monkeypatch.setattr("sim.looking.notebook.Notebook.draw", lambda self: 1 / 0)
    result = sim.run(small(), output=tmp_path / "out", monitor=True)
    assert result.time == 0.03 and len(result.snapshots) == 4
    assert capfd.readouterr().err.count("warning: --monitor has stopped") == 1


def test_the_run_does_not_wait_for_its_monitor(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.looking.notebook.Notebook.draw", lambda self: time.sleep(3600))
    monkeypatch.setattr("sim.looking.monitor._SECONDS_FOR_THE_LAST", 0.1)
    assert sim.run(small(), output=tmp_path / "out", monitor=True).time == 0.03


def test_monitoring_is_asked_for(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(casefile.to_toml(casefile.load(small())))
    said(capsys, "run", "small.toml", "--output", "plain")
    said(capsys, "run", "small.toml", "--output", "seen", "--monitor")
    assert not list(Path("plain").glob("monitor*")) and len(list(Path("seen").glob("monitor*"))) == 2
    said(capsys, "run", "small.toml", "--output", "seen", "--overwrite")
    assert not list(Path("seen").glob("monitor*")), "of the run before"


# ------------------------------------------------------------------------------------------------------------ words


def test_words() -> None:
    assert clean("a\x1b[31m\nb\u202e\u2028c") == "a [31m b  c"
    assert clean("x" * 300, 10) == "x" * 9 + "…"
    assert (
        quantity(5e6, "yr") == "5,000,000 yr" and quantity(0.25, "1") == "0.25" and quantity(21.5, "degC") == "21.5 °C"
    )
    assert [duration(seconds) for seconds in (0.5, 61, 3720)] == ["0.5 s", "1 min 01 s", "1 h 02 min"]
