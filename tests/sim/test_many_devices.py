"""More devices than cores: all of them meet, and the answer is that of one."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from sim.subprocesses import run_bounded


def field_of(folder: Path, *options: str) -> np.ndarray:
    """The last field of a run of its own: how many devices there are is settled when JAX starts."""
    sizes = ["--set", "grid.x.cells=61", "--set", "grid.y.cells=53", "--set", "time.end=0.002"]
    command = [sys.executable, "-m", "sim", "run", *sizes, "--output", str(folder), *options]
    done = run_bounded(command, timeout=300)
    assert done.returncode == 0, done.stderr
    with h5py.File(folder / "results.h5") as file:
        return file["u"][-1]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    return field_of(tmp_path_factory.mktemp("alone"), "--transport", "serial", "--ghost-depth", "1")


@pytest.mark.parametrize("devices", [8, pytest.param(64, marks=pytest.mark.long)])
@pytest.mark.parametrize("halo", ["ppermute", "psum"])
def test_many_devices(devices: int, halo: str, alone: np.ndarray, tmp_path: Path) -> None:
    many = field_of(tmp_path / "many", "--transport", "xla", "--devices", str(devices), "--halo", halo)
    np.testing.assert_array_equal(many, alone)
    assert np.ptp(alone) > 50
