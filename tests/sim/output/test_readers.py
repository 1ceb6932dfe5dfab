"""Who looks at the files of a run, while it runs, does not disturb it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import pytest

import sim

Table = dict[str, Any]

HOLD = "import h5py, sys; file = h5py.File(sys.argv[1], locking=True); print('open', flush=True); sys.stdin.read()"


@contextmanager
def held_open(path: Path) -> Iterator[None]:
    """The file as another process reads it, with HDF5's locks."""
    reader = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert reader.stdout is not None and reader.stdout.readline() == b"open\n"
        yield
    finally:
        reader.communicate(timeout=60)
        assert reader.returncode == 0


@pytest.mark.parametrize("file", ["snapshots/0.h5", "results.h5", "extra/cut/0.h5", "probes.h5"])
@pytest.mark.parametrize("members", [False, True], ids=["one", "members"])
def test_a_run_goes_on_while_its_files_are_read(
    file: str, members: bool, small: Callable[..., Table], tmp_path: Path
) -> None:
    case = small(time={"end": 0.02}, output={"every": 0.01, "extra": {"cut": {"at": {"x": 0.5}}}})
    case["probes"] = {"points": {"a": {"at": {"x": 0.5, "y": 0.5}}}}
    if members:
        case["ensemble"] = {"vary": {"equation.alpha": [0.1, 0.2]}}
    sim.run(case, output=tmp_path / "run")
    with held_open(tmp_path / "run" / file):
        result = sim.resume(tmp_path / "run", overrides=["time.end=0.04"])
    with h5py.File(result.series) as series:
        assert series["u"].shape[1 if members else 0] == len(series["time"]) == 5
