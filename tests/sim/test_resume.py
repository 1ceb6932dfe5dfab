"""A run that was ended goes on, anywhere, to the very bytes that it would have had."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim import casefile, cli, loop
from sim.checkpoint.changes import differences
from sim.errors import SimError, Stopped
from sim.schedule import Plan, Position, Segment, plan, segments
from tests.cases import table

Small = Callable[..., dict[str, Any]]
Capture = pytest.CaptureFixture[str]


class KilledError(BaseException):
    """Passes through everything, like a kill; files that a kill leaves are another test's."""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def interrupted(action: Callable[[], Any], chunks: int) -> None:
    """Run it until it has taken so many chunks."""
    left = [chunks]

    def reach(name: str) -> None:
        left[0] -= name == "chunk done"
        if left[0] == 0:
            raise KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "reach", reach)
        with pytest.raises(KilledError):
            action()


def files(folder: str | Path) -> dict[str, bytes]:
    """Snapshots as they are; of results.h5, which also says how the run was made, what it holds."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("[0-9]*.h5")}
    with h5py.File(Path(folder) / "results.h5") as file:
        return found | {name: file[name][...].tobytes() for name in ("u", "time", "step")}


WAYS: dict[str, tuple[dict[str, Any], list[list[str]]]] = {
    "serial, then 4 blocks, then serial": (
        {"transport": "serial"},
        [["parallel.transport=virtual", "parallel.blocks=4", "parallel.ghost_depth=3"], ["parallel.transport=serial"]],
    ),
    "4 devices, then 1, then 3": (
        {"transport": "xla", "devices": 4},
        [["parallel.transport=serial"], ["parallel.transport=xla", "parallel.devices=3", "parallel.tile=[2]"]],
    ),
    "6 blocks, then 8 sharded": (
        {"transport": "virtual", "blocks": 6, "ghost_depth": 2},
        [["parallel.transport=auto-sharded", "parallel.devices=8"]],
    ),
}


@pytest.mark.long
@pytest.mark.parametrize(
    ("way", "ndim", "dtype"), list(zip(WAYS, (1, 2, 3), ("float64", "float32", "float64"), strict=True))
)
def test_elsewhere_to_the_same_bytes(way: str, ndim: int, dtype: str) -> None:
    case = {**table(ndim, dtype), "checkpoint": {"every": 7}}
    case["time"] = {"end": 0.16, "step": 0.0032 / ndim}
    case["output"] = {"every": 0.05}
    first, *others = (case | {"parallel": WAYS[way][0]}, *WAYS[way][1])
    alone = sim.run(case | {"parallel": {"transport": "serial"}}, output="alone")
    interrupted(lambda: sim.run(first, output="there"), chunks=3)
    for overrides in others[:-1]:
        interrupted(lambda overrides=overrides: sim.resume("there", overrides=overrides), chunks=2)  # type: ignore[misc]
    result = sim.resume("there", overrides=others[-1])
    assert files("there") == files("alone")
    for name in ("statistics", "errors", "drift", "steps", "time"):
        assert getattr(result, name) == getattr(alone, name), name
    record = json.loads(Path("there/run.json").read_text())
    assert record["status"] == "complete" and record["resumed"]["step"] % 7 == 0


def test_in_the_middle_nothing_is_beyond_its_time(small: Small) -> None:
    """Snapshots after the checkpoint are those of a run that is no more; results.h5 never ends beyond `time`."""
    case = small((9,), checkpoint__every=10, output__every=0.002, time__step=0.001)
    sim.run(case, output="alone")
    interrupted(lambda: sim.run(case, output="there"), chunks=9)
    assert Path("there/snapshots/7.h5").exists() and not Path("there/snapshots/9.h5").exists()
    interrupted(lambda: sim.resume("there"), chunks=1)
    with h5py.File("there/results.h5") as file:
        assert len(file["u"]) == len(file["time"]) == 6 and file["step"][-1] == 10
    sim.resume("there")
    assert files("there") == files("alone")


def test_a_run_that_is_complete_is_complete(small: Small, capsys: Capture) -> None:
    sim.run(small(), output="out")
    before = files("out")
    assert cli.main(["resume", "out", "--transport", "serial"]) == 0
    assert "results" in capsys.readouterr().out and files("out") == before


def test_a_later_end(small: Small) -> None:
    """Where the outputs around the checkpoint stay, all is as if the end had been there from the start."""
    sim.run(small(time__end=0.05), output="alone")
    sim.run(small(), output="there")
    result = sim.resume("there", overrides=["time.end=0.05"])
    assert result.time == 0.05
    # The files of before tell of the case as it was then.
    there, alone = files("there"), files("alone")
    assert all(there[name] == alone[name] for name in ("u", "time", "step", "snapshots/5.h5"))
    assert json.loads(Path("there/run.json").read_text())["resumed"]["time"] == 0.03


def test_an_end_where_the_run_stands(small: Small) -> None:
    """Nothing is left to do but to write what is there."""
    interrupted(lambda: sim.run(small(checkpoint__every=10, time__step=0.001, output={}), output="out"), chunks=2)
    result = sim.resume("out", overrides=["time.end=0.01"])
    assert result.steps == 10 and len(result.snapshots) == 2
    with h5py.File(result.series) as file:
        assert file["time"][:].tolist() == [0.0, 0.01] and len(file["u"]) == 2


def test_other_outputs(small: Small) -> None:
    interrupted(lambda: sim.run(small(checkpoint__every=5, time__step=0.001), output="out"), chunks=5)
    assert list(Path("out/checkpoints").iterdir())
    changes = ["output.every=0.004", "output.compress=gzip", "output.extra.wall.at.x=0.5", "output.stride.x=1"]
    result = sim.resume("out", overrides=changes)
    with h5py.File(result.series) as file:
        times = file["time"][:]
        assert file["u"].shape[0] == len(times) and (np.diff(times) > 0).all() and times[-1] == 0.03
        assert {0.02, 0.024, 0.028} <= set(times.round(12)) and np.isfinite(file["u"][:]).all()
    with h5py.File("out/extra/wall.h5") as file:
        assert file["u"].shape[2] == 1 and set(file["time"][:]) < set(times)  # from the checkpoint on
    assert 'compress = "gzip"' in Path("out/case.toml").read_text()


def test_nothing_was_checkpointed_so_it_begins_anew(small: Small) -> None:
    sim.run(small(), output="alone")
    interrupted(lambda: sim.run(small(), output="there"), chunks=1)
    sim.resume("there")
    assert files("there") == files("alone")


def test_what_begins_anew_shows_nothing_of_the_attempt_before(small: Small) -> None:
    """Whatever that had written, and however little of it is written again."""
    extra = {"wall": {"at": {"x": 0.5}}, "rest": {"stride": {"x": 2}}}
    probes = {"points": {"p": {"at": {"x": 0.5, "y": 0.5}}}}
    case = small(checkpoint__at_end=False, output__every=0.004, output__extra=extra, probes=probes)
    sim.run(case, output="out")
    for name in ("broken.h5", "monitor.jsonl", "notes.txt"):
        Path("out", name).write_text("of before")
    table = small(time__end=0.01, output__extra={"wall": extra["wall"]}, checkpoint__at_end=False)
    Path("out/case.toml").write_text(casefile.to_toml(casefile.load(table)))
    sim.resume("out")
    with h5py.File("out/results.h5") as file, h5py.File("out/extra/wall.h5") as wall:
        assert len(file["u"]) == len(file["time"]) == len(wall["u"]) == len(wall["time"]) == 2
    left = {str(path.relative_to("out")) for path in Path("out").rglob("*") if path.is_file()}
    series = {f"{name}{number}.h5" for name in ("snapshots/", "extra/wall/") for number in range(2)}
    heads = {"snapshots.vtkhdf.series", "extra/wall.vtkhdf.series", "extra/wall.h5", "results.h5"}
    others = {"case.toml", "run.json", "progress.json", "notes.txt"}
    assert left == series | heads | others


def test_a_directory_that_cannot_be_made_ready_is_said_so(small: Small) -> None:
    sim.run(small(), output="out")
    Path("out/extra").touch()
    with pytest.raises(SimError, match=r"out can't be written: .*extra/wall: Not a directory; remove what is in the"):
        sim.resume("out", overrides=["output.extra.wall.every=0.01"])
    assert not Path("out/lock").exists()


def test_a_damaged_checkpoint_costs_an_interval_and_no_more(small: Small, capsys: Capture) -> None:
    case = small(checkpoint__every=5, time__step=0.001)
    sim.run(case, output="alone")
    interrupted(lambda: sim.run(case, output="there"), chunks=5)
    steps = sorted(int(entry.name) for entry in Path("there/checkpoints").iterdir())
    with Path(f"there/checkpoints/{steps[-1]}/u-0-0.npy").open("r+b") as stream:
        stream.seek(-3, os.SEEK_END)
        stream.write(b"\x7f")
    sim.resume("there")
    assert "u-0-0.npy is not what was written" in capsys.readouterr().err
    assert json.loads(Path("there/run.json").read_text())["resumed"]["step"] == steps[0]
    assert files("there") == files("alone")


# ---------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("equation.alpha=0.8", ["equation.alpha: 0.7 → 0.8", "time.end"]),
        ("grid.x.cells=17", ["grid.x.cells: 16 → 17"]),
        ("numerics.dtype=float32", ["numerics.dtype: 'float64' → 'float32'"]),
        ("boundary.x=neumann", ["boundary.x.lower.kind: 'periodic' → 'neumann'"]),
        ("time.step=0.0001", ["time.step: nothing → 0.0001"]),
        ("time.end=0.001", ["time.end = 0.001 lies before"]),
    ],
)
def test_a_changed_case_is_refused_with_what_changed(small: Small, override: str, words: list[str]) -> None:
    sim.run(small(), output="out")
    before = files("out")
    with pytest.raises(SimError) as caught:
        sim.resume("out", overrides=[override])
    assert all(word in str(caught.value) for word in words), caught.value
    assert files("out") == before and not Path("out/lock").exists()


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["output.stride.x=4"], "output.stride.x: nothing → 4"),
        (["output.index.y=3", "output.every=0.02"], "output.index.y: nothing → 3"),
        (["output.units=K"], "output.units: '1' → 'K'"),
        (["output.time_units=s"], "output.time_units: '1' → 's'"),
        (["output.fields.u.dtype=float32"], "output.fields.u.dtype: nothing → 'float32'"),
        (["output.extra.wall.at.x=1.0"], "output.extra.wall.at.x: 0.5 → 1.0"),
        (["output.extra.wall.dtype=float32", "time.end=0.05"], "output.extra.wall.dtype: nothing → 'float32'"),
    ],
)
def test_what_a_series_holds_cannot_change_under_it(small: Small, overrides: list[str], said: str) -> None:
    sim.run(small(output__extra={"wall": {"at": {"x": 0.5}}}), output="out")
    before = files("out"), Path("out/case.toml").read_bytes()
    with pytest.raises(SimError, match=re.escape(f"would not hold the same:\n  {said}\n")) as caught:
        sim.resume("out", overrides=overrides)
    assert "output.extra.NAME" in str(caught.value)
    assert (files("out"), Path("out/case.toml").read_bytes()) == before


def test_an_edited_case_file_is_a_changed_case(small: Small) -> None:
    sim.run(small(), output="out")
    path = Path("out/case.toml")
    path.write_text(path.read_text().replace("alpha = 0.7", "alpha = 0.9"))
    with pytest.raises(SimError, match=r"equation.alpha: 0.7 → 0.9"):
        sim.resume("out")


def test_a_changed_file_is_a_changed_case(small: Small) -> None:
    np.save("q.npy", np.ones((12, 16)))
    sim.run(small(equation__source={"file": "q.npy"}), output="out")
    sim.resume("out")
    np.save("q.npy", np.zeros((12, 16)))
    with pytest.raises(SimError, match=r"equation.source is not the one"):
        sim.resume("out")


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("equation.coefficients.k", {"equation": {"u": "k * laplace(u)", "coefficients": {"k": {"file": "k.npy"}}}}),
        (
            "ensemble.vary.equation.alpha.1",
            {"ensemble": {"vary": {"equation.alpha": ["0.7 + 0 * x", {"file": "k.npy"}]}}},
        ),
    ],
)
def test_wherever_a_file_stands_in_the_case_it_is_part_of_it(small: Small, key: str, changes: dict[str, Any]) -> None:
    np.save("k.npy", np.full((12, 16), 0.7))
    sim.run(small() | changes, output="out")
    sim.resume("out")
    np.save("k.npy", np.full((12, 16), 0.6))
    with pytest.raises(SimError, match=f"the file of {re.escape(key)} is not the one"):
        sim.resume("out")


def test_files_of_initial_fields_need_not_stay(small: Small) -> None:
    np.save("u.npy", np.ones((12, 16)))
    case = small(initial__u={"file": "u.npy"}, ensemble={"vary": {"initial.u": [{"file": "u.npy"}, 2.0]}})
    sim.run(case, output="out")
    Path("u.npy").unlink()
    assert sim.resume("out", overrides=["time.end=0.04"]).time == 0.04


def test_differences_name_what_is_new_and_what_is_gone() -> None:
    old = {"a": {"b": 1, "c": 2}, "time": {"end": 1.0}, "output": {"every": 1}}
    new = {"a": {"b": 3, "d": 4}, "time": {"end": 2.0}, "parallel": {"devices": 2}}
    assert list(differences(old, new)) == ["a.b: 1 → 3", "a.c: 2 → nothing", "a.d: nothing → 4"]


@pytest.mark.parametrize("where", ["nowhere", "empty", "file"])
def test_where_there_is_no_run(where: str) -> None:
    Path("empty").mkdir()
    Path("file").write_text("mine")
    with pytest.raises(SimError, match=f"{where} holds no run"):
        sim.resume(where)
    assert list(Path("empty").iterdir()) == []


@pytest.mark.long
def test_a_standing_that_makes_no_sense_is_refused(small: Small) -> None:
    from sim.checkpoint.manifest import _digest

    sim.run(small(checkpoint__keep=1), output="out")
    path = next(Path("out/checkpoints").glob("*/manifest.json"))
    content = json.loads(path.read_text())["manifest"]
    for key, value in {"done": 10**9, "written": {}, "decay": "soon", "initial": {}}.items():
        state = {**content, "state": {**content["state"], key: value}}
        path.write_text(json.dumps({"sha256": _digest(state), "manifest": state}))
        with pytest.raises(SimError):
            sim.resume("out")


@pytest.mark.parametrize("what", ["run", "resume"])
def test_a_read_only_directory_is_refused_before_anything_compiles(
    what: str, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim.run(small(), output="out")
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr("sim.ready.build", lambda _: pytest.fail("too late"))
    if what == "run":
        with pytest.raises(SimError, match="is read-only"):
            sim.run(small(), output="out/below")
    else:
        monkeypatch.setattr(os, "open", lambda *_: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
        with pytest.raises(SimError, match="Read-only file system"):
            sim.resume("out")


# ------------------------------------------------------------------------------------------------------- told to stop

LONG = {"time__end": 1e6, "time__step": 1e-3, "output__every": 1e6}


def after(condition: Callable[[], bool], action: Callable[[], Any]) -> threading.Thread:
    def wait() -> None:
        deadline = time.monotonic() + 60
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.02)
        action()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGINT"])
def test_the_first_signal_stops_in_order(name: str, small: Small, capsys: Capture) -> None:
    before = signal.getsignal(signal.Signals[name])
    started = Path("out/results.h5").exists
    thread = after(started, lambda: os.kill(os.getpid(), signal.Signals[name]))
    with pytest.raises(Stopped, match=rf"stopped by {name} at step .* python -m sim resume out"):
        sim.run(small((9,), **LONG), output="out")
    thread.join()
    assert signal.getsignal(signal.Signals[name]) == before
    assert json.loads(Path("out/run.json").read_text())["status"] == "stopped"
    (checkpoint,) = Path("out/checkpoints").iterdir()
    assert int(checkpoint.name) > 0 and not Path("out/lock").exists()


def test_the_time_limit_stops_in_order_and_the_exit_status_says_so(small: Small, capsys: Capture) -> None:
    Path("long.toml").write_text(casefile.to_toml(casefile.load(small((9,), **LONG))))
    begin = time.monotonic()
    assert cli.main(["run", "long.toml", "--output", "out", "--time-limit", "4"]) == cli.EXIT_RESUMABLE == 75
    assert time.monotonic() - begin < 30
    said = capsys.readouterr().err
    assert re.search(r"^sim: stopped by the time limit at step", said, re.MULTILINE) and "error" not in said
    assert cli.main(["resume", "out", "--transport", "serial", "--time-limit", "2"]) == 75
    assert json.loads(Path("out/run.json").read_text())["resumed"]["step"] > 0


def test_the_time_limit_of_the_job_before_is_forgotten(small: Small) -> None:
    case = small((9,), checkpoint__time_limit="1:00:00")
    sim.run(case, output="out")
    assert casefile.load("out/case.toml").checkpoint.time_limit == "1:00:00"
    sim.resume("out", overrides=["time.end=0.04"])
    assert casefile.load("out/case.toml").checkpoint.time_limit is None
    sim.resume("out", overrides=["time.end=0.05", "checkpoint.time_limit=7200"])
    assert casefile.load("out/case.toml").checkpoint.time_limit == "7200"


def test_how_a_run_is_kept_is_not_in_its_snapshots(small: Small) -> None:
    case = small((9,))
    sim.run(case, output="alone")
    interrupted(lambda: sim.run(case | {"checkpoint": {"every": 1, "time_limit": "1:00:00"}}, output="there"), chunks=2)
    sim.resume("there", overrides=["checkpoint.keep=3"])
    assert files("there") == files("alone")


def test_what_is_broken_is_shown_and_never_checkpointed(small: Small) -> None:
    """u = 4e37 t in float32: finite up to t = 4, but not the sum of neighbours."""
    case = small((8, 12), numerics__dtype="float32", initial__u=0.0, equation__alpha=0.0, equation__source=4e37)
    case["time"], case["output"], case["checkpoint"] = {"end": 20.0, "step": 0.5}, {"every": 1.0}, {"every": 1}
    with pytest.raises(SimError, match=r"snapshot \d+ at t = \S+ is the last good one, out/broken.h5 shows"):
        sim.run(case, output="out")
    with h5py.File("out/broken.h5") as file:
        assert not np.isfinite(file["u"][:]).all()
    with h5py.File("out/results.h5") as file:
        assert np.isfinite(file["u"][:]).all()
    for path in Path("out/checkpoints").glob("*/u-*.npy"):
        assert np.isfinite(np.load(path)).all()
    with pytest.raises(SimError, match="blew up"):
        sim.resume("out")
    sim.resume("out", overrides=["time.end=2.0"])
    assert not Path("out/broken.h5").exists()


# ------------------------------------------------------------------------------------------------- the plan of a rest


def test_the_rest_of_a_plan() -> None:
    whole = tuple(segments(1.0, 0.3, 0.07))
    assert plan(1.0, 0.3, 0.07) == Plan(whole)
    assert plan(1.0, 0.3, 0.07, at=Position(whole[1], 2)) == Plan(whole[1:], 2)
    assert plan(1.0, 0.3, 0.07, at=Position(whole[1], whole[1].steps)) == Plan(whole[2:])
    assert plan(1.0, 0.3, 0.07, at=Position(whole[-1], whole[-1].steps)) == Plan(())
    assert plan(1.0, 0.3, 0.07, at=Position(whole[1], 2)).steps == sum(s.steps for s in whole[1:]) - 2


def test_the_rest_of_another_plan_begins_where_the_run_stands() -> None:
    at = Position(Segment(0.0, 1.0, 10), 4)
    found = plan(2.0, 0.25, 0.1, at=at)
    assert found.done == 0 and found.segments[0].start == at.time == 0.4
    assert [s.stop for s in found.segments] == [0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0]
    assert all(s.dt <= 0.1 * (1 + 1e-9) for s in found.segments)
    # 3 · 0.1 is not 0.3, and yet no output is between them.
    assert plan(0.5, 0.1, 0.01, at=Position(Segment(0.2, 0.3, 10), 10)).segments[0].stop == 0.4
