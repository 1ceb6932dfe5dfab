"""Everybody computes the same, and who is who."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from sim import bench
from sim.bench.contestants.halostep import case_of, read_run
from sim.bench.contestants.roster import halostep, roster
from sim.bench.work import FULL
from sim.casefile import load
from sim.subprocesses import clean_environment
from tests.sim.bench.works import FIELDS, WORKS, taken_in_turn

# Libraries such as torch change how a process rounds and which threads it has: each contestant has one of its own.
PEERS = {
    "numpy_slices": "numpy",
    "numba_parallel": "numba",
    "devito_operator": "devito",
    "torch_conv": "torch",
    "py_pde": "pde",
    "c_openmp": "ctypes",
    "c_tiled": "ctypes",
}


_PEER = """
import importlib, json, sys
from dataclasses import replace
from sim.bench.work import Work
loop = importlib.import_module("sim.bench.contestants." + sys.argv[1]).loop
for text in sys.argv[2:]:
    work = Work.from_json(text)
    errors = [work.error(loop(work, work.initial(), steps)) for steps in (work.steps, work.steps - 1)]
    print(json.dumps([errors[0] / work.tolerance, errors[1] / work.tolerance]))
"""


@pytest.mark.parametrize(
    "module", [pytest.param(name, marks=[pytest.mark.long] if name == "py_pde" else []) for name in PEERS]
)
def test_peers_compute_what_they_should(module: str) -> None:
    if module.startswith("c_") and shutil.which("cc") is None:
        pytest.skip("no C compiler")
    if find_spec(PEERS[module]) is None:
        pytest.skip(f"{PEERS[module]} is not installed")
    compiled = [WORKS[0], FIELDS[1]]
    fewer = {"torch_conv": WORKS, "py_pde": WORKS[:1], "numba_parallel": compiled, "devito_operator": compiled}
    works = fewer.get(module, [*WORKS, *FIELDS])
    command = [sys.executable, "-c", _PEER, module, *(work.to_json() for work in works)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=clean_environment(), check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(works)
    # A step too few is no rounding.
    assert all(right <= 1.0 and wrong > 3.0 for right, wrong in found), found


_TILED = """
import sys
from sim.bench.contestants import c_tiled
from sim.bench.work import Work
for text in sys.argv[1:]:
    work = Work.from_json(text)
    for tile in (((2, 2), 1), ((7, 8), 3), ((8, 7), 3), ((16, 40), 8)):
        found = c_tiled.march(work, work.initial(), work.steps, tile)
        print(work.error(found) / work.tolerance)
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_tiles_in_c_meet_at_their_seams() -> None:
    command = [sys.executable, "-c", _TILED, *(work.to_json() for work in (*WORKS, *FIELDS))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=clean_environment(), check=True)
    found = [float(line) for line in done.stdout.splitlines()]
    assert len(found) == 4 * len([*WORKS, *FIELDS]) and max(found) <= 1.0


@pytest.mark.long
def test_ours_takes_the_same_steps(tmp_path: Path) -> None:
    for work in (*WORKS, *FIELDS):
        case = load(case_of(work))
        assert case.time.step == work.dt and case.time.end == pytest.approx(work.steps * work.dt)
        assert case.to_grid().shape == work.shape
        assert case.to_grid().spacing == pytest.approx([work.spacing] * work.ndim)
        assert isinstance(case.equation.alpha, str) == (work.alpha == "field")
    lean = replace(FIELDS[0], lean=True, every=10)
    for work in (WORKS[0], lean):
        (entry,) = taken_in_turn([halostep(1, 1)], work, 1)
        assert not entry.why and entry.right and not entry.failed
        assert len(entry.seconds) == 1 and entry.peak_bytes > 50e6
    assert 0 < entry.writing < 1 and entry.error < work.tolerance
    assert work.every and case_of(lean).get("exact") is None


def test_other_steps_are_no_answer() -> None:
    with pytest.raises(ValueError, match="took 30 steps instead of 31"):
        read_run(WORKS[0], {"steps": 30})


def test_the_roster_says_who_is_who() -> None:
    names = [c.name for c in roster()]
    assert names[0] == "memcpy" and len(set(names)) == len(names)
    assert [c.ours for c in roster()].count(True) >= 1 and bench.EXIT_WRONG == 1
    torch = next(c for c in roster() if c.name == "torch")
    assert torch.absent(FIELDS[0]) and "minutes" in torch.absent(FULL[-1]) + "minutes" * (find_spec("torch") is None)
