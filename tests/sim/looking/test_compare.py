"""Runs beside each other: to the byte, by norms, and what can't be compared."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim.looking import difference
from sim.looking.field import fields_of
from tests.sim.looking.runs import attached, edit, write_run
from tests.sim.looking.told import said

Small = Callable[..., dict[str, Any]]
Capture = pytest.CaptureFixture[str]


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
