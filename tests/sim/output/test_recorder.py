"""Files written while the loop goes on: what is waited for, what is said when it fails, and what is kept."""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim import casefile
from sim.errors import SimError
from sim.output import rows
from sim.output.recorder import Provenance, Recorder
from sim.output.stream import streams_of
from sim.output.writer import Writer
from sim.team import Solo

SHAPE = (6, 8)
EVERYWHERE = (slice(0, 6), slice(0, 8))


class Slow:
    """A writer that waits until it is let go, and does as it is told then."""

    def __init__(self) -> None:
        self.gate, self.begun = threading.Event(), threading.Event()
        self.error: Exception | None = None

    def __call__(self, place: Any, blocks: Any) -> None:
        self.begun.set()
        assert self.gate.wait(30)
        if self.error:
            raise self.error
        rows.write_blocks(place, blocks)


@pytest.fixture
def slow() -> Slow:
    return Slow()


def recorder(table: dict[str, Any], folder: Path, write: Any, threads: bool = True) -> Recorder:
    case = casefile.load(table)
    streams = streams_of(case, ["u"])
    for stream in streams.values():
        (folder / stream.folder).mkdir(parents=True)
    return Recorder(case, streams, folder, Solo(), Writer("slow", write, threads), Provenance({}, {}))


def test_the_loop_goes_on_while_a_file_is_written(
    small: Callable[..., dict[str, Any]], tmp_path: Path, slow: Slow
) -> None:
    """And may overwrite its field: what is written is what was there then."""
    output = recorder(small(SHAPE), tmp_path, slow)
    u = np.arange(48.0).reshape(SHAPE)
    output.write(0, 0.0, lambda name: [(EVERYWHERE, u)])
    assert slow.begun.wait(30)
    u[...] = -1
    output.poll()
    assert output.times == [] and not list((tmp_path / "snapshots").glob("[0-9]*"))
    slow.gate.set()
    output.settle()
    assert output.times == [0.0]
    with h5py.File(tmp_path / "results.h5") as file:
        np.testing.assert_array_equal(file["u"][0], np.arange(48.0).reshape(SHAPE))


def test_one_file_at_a_time(small: Callable[..., dict[str, Any]], tmp_path: Path, slow: Slow) -> None:
    output = recorder(small(SHAPE), tmp_path, slow)
    output.write(0, 0.0, lambda name: [(EVERYWHERE, np.zeros(SHAPE))])
    threading.Timer(0.2, slow.gate.set).start()
    output.write(5, 0.01, lambda name: [(EVERYWHERE, np.ones(SHAPE))])
    assert output.times == [0.0]
    output.settle()
    assert output.times == [0.0, 0.01] and output.written["snapshots"].steps == [0, 5]


def test_a_write_that_fails_is_told_at_the_next_look(
    small: Callable[..., dict[str, Any]], tmp_path: Path, slow: Slow
) -> None:
    output = recorder(small(SHAPE), tmp_path, slow)
    slow.error = OSError(28, "No space left on device")
    output.write(0, 0.0, lambda name: [(EVERYWHERE, np.zeros(SHAPE))])
    slow.gate.set()
    with pytest.raises(SimError, match="0.h5 can't be written: No space left on device"):
        output.settle()
    assert output.times == [] and not any((tmp_path / "snapshots").iterdir())
    output.settle()  # said once


def test_what_cannot_be_forgotten_is_said(small: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    output = recorder(small(SHAPE), tmp_path, rows.write_blocks)
    (tmp_path / "snapshots" / "3.h5").mkdir()
    with pytest.raises(SimError, match=r"snapshots/3.h5, of the run as it went on before, can't be removed: .*; rem"):
        output.go_on({})


def test_a_bug_in_the_second_thread_comes_out_in_the_first(
    small: Callable[..., dict[str, Any]], tmp_path: Path, slow: Slow
) -> None:
    output = recorder(small(SHAPE), tmp_path, slow)
    slow.error = ZeroDivisionError("a bug")
    slow.gate.set()
    output.write(0, 0.0, lambda name: [(EVERYWHERE, np.zeros(SHAPE))])
    with pytest.raises(ZeroDivisionError, match="a bug"):
        output.settle()


@pytest.mark.parametrize(("changes", "threads"), [({}, False), ({"parallel__overlap": False}, True)])
def test_where_threads_are_not_safe_or_not_wanted_it_waits(
    small: Callable[..., dict[str, Any]], tmp_path: Path, changes: dict[str, Any], threads: bool
) -> None:
    here = []

    def write(place: Any, blocks: Any) -> None:
        here.append(threading.current_thread())
        rows.write_blocks(place, blocks)

    output = recorder(small(SHAPE, **changes), tmp_path, write, threads)
    output.write(0, 0.0, lambda name: [(EVERYWHERE, np.zeros(SHAPE))])
    assert output.times == [0.0] and here == [threading.main_thread()]


def test_a_run_says_complete_when_all_is_on_disk(
    small: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though every file takes longer than the steps between two of them."""

    def late(place: Any, blocks: Any) -> None:
        threading.Event().wait(0.1)
        rows.write_blocks(place, blocks)

    monkeypatch.setattr("sim.driver.choose_writer", lambda wish, team: Writer("late", late, True))
    result = sim.run(small(SHAPE), output=tmp_path / "run")
    assert len(result.snapshots) == 4 and all(path.is_file() for path in result.snapshots)
    with h5py.File(result.series) as file:
        assert len(file["u"]) == 4


def test_after_a_blow_up_the_last_good_snapshot_is_there(
    small: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(place: Any, blocks: Any) -> None:
        threading.Event().wait(0.3)
        rows.write_blocks(place, blocks)

    monkeypatch.setattr("sim.driver.choose_writer", lambda wish, team: Writer("late", late, True))
    table = small(SHAPE, numerics__dtype="float32", equation__alpha=1e-6, equation__source=1e38, initial__u=0.0)
    with pytest.raises(SimError, match="snapshot 1 at t = 1 is the last good one"):
        sim.run({**table, "time": {"end": 9.0}, "output": {"every": 1.0}}, output=tmp_path / "run")
    with h5py.File(tmp_path / "run" / "results.h5") as file:
        assert file["time"][:].tolist() == [0.0, 1.0] and np.isfinite(file["u"][1]).all()


@pytest.mark.parametrize("fails", [False, True])
def test_what_was_being_written_when_a_run_failed_is_whole_or_gone(
    fails: bool, small: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(place: Any, blocks: Any) -> None:
        threading.Event().wait(0.5)
        if fails:
            raise OSError(28, "No space left on device")
        rows.write_blocks(place, blocks)

    monkeypatch.setattr("sim.driver.choose_writer", lambda wish, team: Writer("late", late, True))
    (tmp_path / "run" / "probes.h5").mkdir(parents=True)
    table = small(SHAPE, probes={"points": {"p": {"at": {"x": 0.5, "y": 0.5}}}})
    with pytest.raises(SimError, match="probes.h5 can't be written: Is a directory"):
        sim.run(table, output=tmp_path / "run", overwrite=True)
    assert [path.name for path in (tmp_path / "run" / "snapshots").iterdir()] == ([] if fails else ["0.h5"])
    assert (tmp_path / "run" / "results.h5").exists() != fails


def test_provenance_is_in_every_file(
    small: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How the numbers came about in each; how they were computed in the series, which alone may differ."""
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    result = sim.run(small(SHAPE), output=tmp_path / "run")
    paths = [*result.snapshots, result.series]
    for path in paths:
        with h5py.File(path) as file:
            case = tomllib.loads(file.attrs["case"])
            assert case["equation"]["alpha"] == 0.7 and case["parallel"]["transport"] == "auto"
            assert '"jax"' in file.attrs["versions"] and file.attrs["source"].startswith("halostep")
            assert ("transport" in file.attrs) == ("environment" in file.attrs) == (path == result.series)
        assert b"hush" not in path.read_bytes()
    with h5py.File(result.series) as file:
        assert file.attrs["transport"] == "serial" and '"4711"' in file.attrs["environment"]
        assert file.attrs["process_grid"] == "[1, 1]"
    assert "hush" not in (tmp_path / "run" / "run.json").read_text()


def test_a_text_too_long_for_an_attribute_is_cut(small: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    result = sim.run(small(SHAPE, title="ä" * 50_000), output=tmp_path / "run")
    with h5py.File(result.series) as file:
        assert file.attrs["case"].endswith("…") and len(file["u"]) == 4


def test_a_long_series_is_not_written_for_each_file(
    small: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = []
    monkeypatch.setattr("sim.output.recorder.write_series", lambda *where: lengths.append(len(where[3].times)))
    output = recorder(small(SHAPE, output__every=0.0001), tmp_path, rows.write_blocks, threads=False)
    for number in range(251):
        output.write(number, 0.0001 * number, lambda name: [(EVERYWHERE, np.zeros(SHAPE))])
    assert lengths == [*range(1, 100), *range(101, 200, 2), *range(202, 252, 3)]
    output.settle()
    output.settle()
    assert lengths[-2:] == [250, 251] and output.times == pytest.approx([0.0001 * i for i in range(251)])
