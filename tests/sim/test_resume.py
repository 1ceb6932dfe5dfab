"""A run that was ended goes on, anywhere, to the very bytes that it would have had."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim import casefile, cli
from sim.errors import SimError
from tests.cases import table
from tests.results import files
from tests.sim.interrupted import interrupted

Small = Callable[..., dict[str, Any]]
Capture = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("elsewhere")


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


# --------------------------------------------------------------------------------------------------------- told to stop


def test_how_a_run_is_kept_is_not_in_its_snapshots(small: Small) -> None:
    case = small((9,))
    sim.run(case, output="alone")
    interrupted(lambda: sim.run(case | {"checkpoint": {"every": 1, "time_limit": "1:00:00"}}, output="there"), chunks=2)
    sim.resume("there", overrides=["checkpoint.keep=3"])
    assert files("there") == files("alone")
