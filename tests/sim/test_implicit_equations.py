"""Implicit steps of each kind of equation converge within a few iterations, for multigrid knows what they diffuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sim
from sim.errors import SimError

Table = dict[str, Any]

WIND = {"velocity": {"x": 1.0, "y": "x"}, "alpha": 0.05}
# Equation, Δt, integrator, and Krylov iterations for each of Newton's.
EQUATIONS: dict[str, tuple[Table, float, str, int]] = {
    "advection, central": ({"kind": "advection-diffusion", "scheme": "central", **WIND}, 0.02, "crank-nicolson", 6),
    "advection, upwind": ({"kind": "advection-diffusion", "scheme": "upwind", **WIND}, 0.1, "backward-euler", 14),
    "advection, limited": ({"kind": "advection-diffusion", "scheme": "limited", **WIND}, 0.02, "bdf2", 4),
    "full tensor": ({"kind": "anisotropic", "tensor": {"xx": 1.0, "yy": 0.5, "xy": 0.5}}, 0.02, "tr-bdf2", 12),
    "tensor of fields": (
        {"kind": "anisotropic", "tensor": {"xx": "1 + x", "yy": 0.1, "xy": "0.2*cos(x)"}},
        0.02,
        "bdf2",
        18,
    ),
    "tensor, material": (
        {
            "kind": "anisotropic",
            "tensor": {"xx": 1.0, "yy": 0.5, "xy": 0.5},
            "density": "1 + x",
            "capacity": "1 + u*y",
            "source": "u*x",
        },
        0.02,
        "tr-bdf2",
        6,
    ),
    "α(u)": ({"kind": "heat", "alpha": "1 + u**2"}, 0.02, "backward-euler", 4),
    "conduction": ({"kind": "conduction", "conductivity": "1 + x*u", "capacity": "1 + y"}, 0.02, "bdf2", 4),
    "porous medium": ({"kind": "porous-medium", "m": 2.0}, 0.02, "backward-euler", 5),
    "Cahn–Hilliard": ({"kind": "cahn-hilliard", "gradient": 0.001}, 0.002, "backward-euler", 6),
    "wave": ({"kind": "wave", "speed": 1.0}, 0.05, "crank-nicolson", 8),
}


def plate(equation: Table, step: float, integrator: str, steps: int) -> Table:
    case: Table = {
        "name": "plate",
        "grid": {axis: {"cells": 40, "upper": 1.0} for axis in "xy"},
        "equation": equation,
        "initial": {"u": "(1 + cos(pi*x)) * (2 + cos(pi*y)) / 4"},
        "boundary": {"x": {"lower": "neumann", "upper": "dirichlet"}, "y": "neumann"},
        "time": {"end": steps * step, "step": step, "integrator": integrator},
        "numerics": {"dtype": "float64"},
        "parallel": {"transport": "serial"},
    }
    if equation["kind"] == "wave":
        case["initial"]["v"] = 0.0
    if equation["kind"] == "cahn-hilliard":
        case |= {"initial": {"u": "sin(9*x)*cos(7*y)/10"}, "boundary": {"x": "neumann", "y": "neumann"}}
    return case


@pytest.mark.long
@pytest.mark.parametrize("name", [*EQUATIONS])
def test_a_few_iterations_do(name: str, tmp_path: Path) -> None:
    equation, step, integrator, most = EQUATIONS[name]
    found = sim.run(plate(equation, step, integrator, 2), output=tmp_path / "run").iterations
    assert found is not None and 0 < found["krylov"] <= most * found["newton"]


def test_a_step_without_a_solution_nearby_is_said(tmp_path: Path) -> None:
    """Beyond 4κ/M a Cahn–Hilliard step's system is indefinite."""
    equation, _, integrator, _ = EQUATIONS["Cahn–Hilliard"]
    with pytest.raises(SimError, match=r"the step from t = .* was not found: .* use a smaller time\.step"):
        sim.run(plate(equation, 1.0, integrator, 1), output=tmp_path / "run")
