"""`integrator = "auto"`: which integrator a case gets, and by how many stages."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim import casefile
from sim.problem import build
from sim.stepping import Speed, integrator_of, step_of
from solvers.integrators import Explicit

DIFFUSION = Speed(decay=2.0, wave=0.0)
"""Of which forward Euler's stable step is 1."""


def case_of(equation: Any = None, **time: Any) -> dict[str, Any]:
    case: dict[str, Any] = {
        "name": "auto",
        "grid": {"x": {"cells": 16}},
        "equation": equation or {"alpha": 1.0},
        "initial": {"u": 1.0},
        "boundary": {"x": "periodic"},
        "time": {"integrator": "auto", **time},
    }
    case["initial"] |= {"v": 0.0} if equation else {}
    return case


def chosen(speed: Speed = DIFFUSION, equation: Any = None, **time: Any) -> tuple[str, int]:
    """What it is called, and its stages."""
    problem = build(casefile.load(case_of(equation, **time)))
    stepping = step_of(problem.case.time, problem.equation, speed)
    rows = stepping.step.scheme.rows if isinstance(stepping.step, Explicit) else ()
    return stepping.name, len(rows)


def test_many_steps_are_taken_in_strides() -> None:
    assert chosen(end=100.0) == ("euler (not stiff: 100 steps)", 0)
    # Its stages cost more than they gain.
    assert chosen(end=8_000.0)[0].startswith("euler")
    name, stages = chosen(end=100_000.0)
    assert name == f"rkl2, {stages} stages (stiff: forward Euler takes 100,000 steps)" and 40 < stages < 60
    # About 200 steps.
    assert 100_000 / ((stages**2 + stages - 2) / 4) == pytest.approx(200, rel=0.1)
    assert chosen(end=1e12)[1] == 201


def test_what_is_given_is_heeded() -> None:
    assert chosen(end=100_000.0, stages=7)[1] == 7
    assert chosen(end=100.0, step=0.5)[0].startswith("euler")
    # (s² + s - 2) / 4 = 10: five stages go 7 steps far, seven 13.5.
    assert chosen(end=100.0, step=10.0)[1] == 7


def test_what_travels_or_swings() -> None:
    assert chosen(Speed(1.0, 2.0), end=1.0)[0] == "ssprk3 (something travels)"
    assert chosen(equation={"kind": "wave", "speed": 1.0}, end=1.0)[0] == "verlet (of second order in time)"


def test_a_step_beyond_all_stages_is_solved_for() -> None:
    """Those reach (201² + 201 - 2) / 4 = 10150 steps far."""

    def name(**time: Any) -> str:
        problem = build(casefile.load(case_of(end=100_000.0, **time)))
        return integrator_of(problem.case.time, problem.equation, DIFFUSION).name

    assert name(step=10_000.0) == "rkl2"
    assert name(step=10_200.0) == "tr-bdf2" == name(step=1e9)
    # Who wants so many stages shall hear that they do not reach.
    assert name(step=10_200.0, stages=201) == "rkl2"


STIFF = {"step": 0.01, "end": 0.1}


@pytest.mark.long
@pytest.mark.parametrize("parallel", [{"transport": "serial"}, {"transport": "virtual", "blocks": 2}])
def test_a_stiff_run_is_that_of_the_implicit_integrator(parallel: dict[str, Any], tmp_path: Path) -> None:
    """To the bit; what was chosen is told, with the reason, and is in the case that the run leaves behind."""
    case = case_of(**STIFF) | {"grid": {"x": {"cells": 1024}}, "parallel": parallel, "initial": {"u": "sin(2*pi*x)"}}
    case["numerics"] = {"dtype": "float64"}
    found = sim.run(case, output=tmp_path / "auto")
    plain = sim.run(case | {"time": {**STIFF, "integrator": "tr-bdf2"}}, output=tmp_path / "plain")
    assert found.integrator == "tr-bdf2 (stiff: forward Euler takes 209,715 steps)" and plain.integrator == "tr-bdf2"
    fields = []
    for result in (found, plain):
        with h5py.File(result.snapshots[-1]) as file:
            fields.append(file["u"][0])
    np.testing.assert_array_equal(*fields)
    assert np.abs(fields[0]).max() == pytest.approx(math.exp(-4 * math.pi**2 * 0.1), rel=0.05)
    assert casefile.load(tmp_path / "auto" / "case.toml").time.integrator == "tr-bdf2"
