"""`integrator = "auto"`: which explicit integrator a case gets, and by how many stages."""

from __future__ import annotations

from typing import Any

import pytest

from sim import casefile
from sim.problem import build
from sim.stepping import Speed, step_of
from solvers.integrators import Explicit

DIFFUSION = Speed(decay=2.0, wave=0.0)
"""Of which forward Euler's stable step is 1."""


def chosen(speed: Speed = DIFFUSION, equation: Any = None, **time: Any) -> tuple[str, int]:
    """What it is called, and its stages."""
    case: dict[str, Any] = {
        "name": "auto",
        "grid": {"x": {"cells": 16}},
        "equation": equation or {"alpha": 1.0},
        "initial": {"u": 1.0},
        "boundary": {"x": "periodic"},
        "time": {"integrator": "auto", **time},
    }
    case["initial"] |= {"v": 0.0} if equation else {}
    problem = build(casefile.load(case))
    stepping = step_of(problem.case.time, problem.equation, speed)
    rows = stepping.step.scheme.rows if isinstance(stepping.step, Explicit) else ()
    return stepping.name, len(rows)


def test_many_steps_are_taken_in_strides() -> None:
    assert chosen(end=100.0) == ("euler (not stiff: 100 steps)", 0)
    # Its stages cost more than they gain.
    assert chosen(end=10_000.0)[0].startswith("euler")
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
