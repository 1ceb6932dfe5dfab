"""A grid that no machine holds is refused before anything is allocated."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sim
from sim import casefile
from sim.errors import SimError
from sim.memory import VARIABLE, check_memory
from sim.topology import Topology

HUGE = ["grid.x.cells=1000000", "grid.y.cells=1000000", "time.step=1e-15", "time.end=1e-14", "output.every=1.0"]


def test_a_grid_that_is_too_large(tmp_path: Path) -> None:
    with pytest.raises(SimError, match=r"takes 1.49e\+04 GiB in each of 1 process, and there are"):
        sim.run("heat2d", overrides=HUGE, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_limit_is_the_users_and_of_a_process() -> None:
    case = casefile.load("heat2d", ["grid.x.cells=16384", "grid.y.cells=16384"])  # 2 GiB a field
    whole, cut = Topology((16384, 16384), (1, 1)), Topology((16384, 16384), (4, 1))
    check_memory(case, whole, 1, {VARIABLE: "4.1"})
    check_memory(case, cut, 4, {VARIABLE: "1.1"})
    for topology, processes, limit in ((whole, 1, "3.9"), (cut, 4, "0.9"), (cut, 1, "3.9")):
        with pytest.raises(SimError, match=VARIABLE):
            check_memory(case, topology, processes, {VARIABLE: limit})
    for limit in ("much", "0", "-1", "nan"):
        with pytest.raises(SimError, match="GiB above 0"):
            check_memory(case, whole, 1, {VARIABLE: limit})


ONE_RUN = """
import resource, sys
import sim
axis = {"cells": int(sys.argv[1])}
result = sim.run(
    {
        "name": "plain",
        "grid": {"x": axis, "y": axis},
        "equation": {"kind": "heat", "alpha": 1.0},
        "initial": {"u": "sin(pi * x)"},
        "boundary": {"x": "dirichlet", "y": "neumann"},
        "time": {"step": 1e-9, "end": 8e-9},
        "numerics": {"dtype": "float32"},
        "parallel": {"overlap": False, "tune": sys.argv[3] == "measured", "devices": int(sys.argv[4])},
    },
    output=sys.argv[2],
)
print(result.tuned, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.long
@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("tuned", ["rule", "measured"])
def test_a_run_holds_two_fields(tuned: str, devices: int, tmp_path: Path) -> None:
    """Each cell more takes those in turn, and a tenth; while ways of stepping are tried, too."""

    def peak(cells: int) -> int:
        arguments = [str(cells), str(tmp_path / str(cells)), tuned, str(devices)]
        command = [sys.executable, "-c", ONE_RUN, *arguments]
        done = subprocess.run(command, capture_output=True, check=True, timeout=300)
        why, kilobytes = done.stdout.split()[-2:]
        assert why.decode() == tuned
        return int(kilobytes) << 10

    more = (8192**2 - 4096**2) * 4
    assert peak(8192) - peak(4096) < 2.2 * more
