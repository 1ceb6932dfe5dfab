"""Keys that have no effect are said to have none; none other is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sim
from sim import casefile, overriding
from sim.case.idle import remarks

Table = dict[str, Any]

IDLE: dict[str, tuple[Table, list[str]]] = {
    "nothing": ({}, []),
    "defaults": ({"parallel": {"members": "auto", "tune": "auto"}, "solver": {"newton": 20}}, []),
    "depths of implicit steps": (
        {"time": {"integrator": "tr-bdf2", "step": 0.01, "end": 0.1}, "parallel": {"ghost_depth": 2, "tile": [4]}},
        ["parallel.ghost_depth", "parallel.tile"],
    ),
    "depths of explicit steps": ({"parallel": {"ghost_depth": 2, "tile": [4], "tune": False}}, []),
    "a solver of nothing": ({"solver": {"method": "cg", "newton": 3}}, ["solver.method", "solver.newton"]),
    "a solver that may be needed": ({"time": {"integrator": "auto", "end": 0.1}, "solver": {"newton": 3}}, []),
    "two that say the step": ({"time": {"step": 1e-4, "safety": 0.5, "end": 0.1}}, ["time.safety"]),
    "a first step and what it is safe by": (
        {"time": {"step": 1e-4, "safety": 0.5, "end": 0.1, "integrator": "bs23"}},
        [],
    ),
    "steps of a steady state": (
        {"time": {"steady": True, "integrator": "rk4", "step": 0.1, "safety": 0.5}, "solver": {"newton": 3}},
        ["time.integrator", "time.step", "time.safety"],
    ),
    "times beyond the end": (
        {"regions": [{"where": "x > 0", "set": 1.0, "times": [0.01, 0.03 * (1 + 1e-15), 0.031]}]},
        ["regions.0.times"],
    ),
    "an order of what a scheme transports": (
        {"equation": {"kind": "burgers", "viscosity": 0.1}, "numerics": {"order": 4}},
        ["numerics.order"],
    ),
    "an order of diffusion": ({"numerics": {"order": 4}}, []),
    "members of nothing": ({"parallel": {"members": "spread"}}, ["parallel.members"]),
    "members": (
        {"parallel": {"members": "spread"}, "ensemble": {"vary": {"equation.alpha": [0.1, 0.2]}}},
        [],
    ),
}


@pytest.mark.parametrize(("tables", "keys"), IDLE.values(), ids=IDLE)
def test_what_has_no_effect_is_named(tables: Table, keys: list[str], small: Callable[..., Table]) -> None:
    case = casefile.load({**small(), **tables})
    assert [remark.split()[0] for remark in remarks(case)] == keys


def test_the_built_in_cases_have_nothing_idle() -> None:
    for name in casefile.builtin_names():
        assert remarks(casefile.load(name)) == []


def test_a_run_says_so(small: Callable[..., Table], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sim.run({**small(), "solver": {"newton": 3}}, output=tmp_path / "run")
    assert "sim: note: solver.newton has no effect: the steps of euler solve no systems" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sets", "doubtful"),
    [
        (["grid.x.cells=64", "time.end=0.1", "numerics.dtype=float32", "output.every=0.1"], ""),
        (["grid.x.upper=2.0"], "grid.x.upper"),
        (["equation.alpha=0.5", "grid.y.cells=8", "boundary.x.value=1.0"], "equation.alpha, boundary.x.value"),
        (["equation.alpha=0.5", 'exact.u="0"'], ""),
        (["equation.alpha=0.5", "exact={}"], ""),
    ],
)
def test_exact_solutions_of_another_problem_are_doubted(sets: list[str], doubtful: str) -> None:
    """A change of --set leaves [exact] as it is, and what a run calls its error is then of something else."""
    said = overriding.doubt(casefile.load("heat2d", sets).exact, sets)
    assert (f"as the case has it, and {doubtful} may make" in said) if said else not doubtful
    assert overriding.doubt({}, sets) is None


def test_a_run_says_that_its_error_is_doubtful(
    small: Callable[..., Table], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sim.run({**small(), "exact": {"u": "0"}}, output=tmp_path / "run", overrides=["initial.u=1.0"])
    assert "sim: note: the error is against [exact] as the case has it, and initial.u may" in capsys.readouterr().err
