"""Implicit steps of each kind of equation converge within a few iterations, for multigrid knows what they diffuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import sim
from sim import casefile
from sim.equations import model_of
from sim.errors import SimError
from solvers.block import core
from solvers.equations import Equation
from solvers.patch import Patch
from solvers.rounding import Rounding

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
    **{
        formula: ({"kind": "written", "u": formula, "parameters": {"D": 0.3}}, 0.1, "imex-ars222", 6)
        for formula in (
            "D*laplace(u) + u - u**3",
            "-u**3 - (-2*d2_dy2(u) - d2_dx2(u)/(1 + x)) - d_dx(u)",
            "div((1 + x*y)*grad(u)) + sin(u)",
            "laplace(u**3 + u)/2 + d_dx(d_dx(u))/9",
        )
    },
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


# What a formula diffuses by along y and x where u = 2 and k = 5/4; None: no preconditioner knows it.
DIFFUSIVITIES: dict[str, tuple[float, float] | None] = {
    "0.3*laplace(u) - u": (0.3, 0.3),
    "laplace(u**3)": (12.0, 12.0),
    "(3*d2_dx2(u) + d2_dy2(u))/k - d_dx(u)": (0.8, 2.4),
    "-(u - div(u*grad(u*u)))*k": (10.0, 10.0),
    "laplace(u) - 3*d2_dx2(u)": (1.0, 0.0),
    "d2_dx2(u)": None,
    "u - u**3": None,
    "laplace(u - laplace(u))": None,
    "laplace(u)*d_dx(u)": None,
    "d_dx(d_dy(u))": None,
}


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize(("formula", "expected"), DIFFUSIVITIES.items())
def test_what_a_formula_diffuses_by(formula: str, expected: tuple[float, float] | None, order: int) -> None:
    table = plate({"kind": "written", "u": formula, "parameters": {"k": 1.25}}, 0.1, "tr-bdf2", 1)
    case = casefile.load({**table, "numerics": {"dtype": "float64", "order": order}})
    model, now = model_of(case), jnp.float64(0.0)
    width = model.equation.width
    fields = {"u": jnp.full((2 * width + 1,) * 2, 2.0)}
    given = dict.fromkeys(model.coefficients, jnp.float64(1.25))
    patch = Patch(fields, given, now, (10, 10), case.to_grid(), Rounding.by(now))
    found = {name: [float(jnp.ravel(k)[0]) for k in one.k] for name, one in model.equation.diffusion(patch).items()}
    assert found == ({} if expected is None else {"u": pytest.approx(expected, rel=1e-12)})


@pytest.mark.long
def test_a_step_without_a_solution_nearby_is_said(tmp_path: Path) -> None:
    """Beyond 4κ/M a Cahn–Hilliard step's system is indefinite."""
    equation, _, integrator, _ = EQUATIONS["Cahn–Hilliard"]
    with pytest.raises(SimError, match=r"the step from t = .* was not found: .* use a smaller time\.step"):
        sim.run(plate(equation, 1.0, integrator, 1), output=tmp_path / "run")


def text(u: str) -> Table:
    return {"kind": "written", "u": u, "parameters": {"D": 0.3}}


MATERIAL = {"density": 2.0, "capacity": "3 + u"}
TENSOR = {"kind": "anisotropic", "tensor": {"xx": 1.0, "yy": 0.5, "xy": 0.5}, **MATERIAL}
CONDUCTION = {"kind": "conduction", "conductivity": "1 + u", **MATERIAL}

# Equation, and what of it implicit-explicit methods solve for: terms with second and higher derivatives.
STIFF: list[tuple[Table, Table]] = [
    (text("D*laplace(u) + u - u**3"), text("D*laplace(u)")),
    (text("exp(-u)"), text("0")),
    (text("laplace(u) - d_dx(u) + u*d_dx(u)"), text("laplace(u)")),
    (text("d_dx(D*d_dx(u)) - grad_squared(u)"), text("d_dx(D*d_dx(u))")),
    (text("-(laplace(u) + u)/D"), text("-laplace(u)/D")),
    (
        text("u - (D*(div((1 + u**2)*grad(u)) - u) - d2_dx2(u))"),
        text("-(D*div((1 + u**2)*grad(u)) - d2_dx2(u))"),
    ),
    (text("u*(laplace(u) + laplace(laplace(u)) - 1)"), text("u*(laplace(u) + laplace(laplace(u)))")),
    # What is no sum of such is solved for as a whole.
    (text("exp(laplace(u) + u) + u"), text("exp(laplace(u) + u)")),
    (text("(laplace(u) + u)*(d2_dx2(u) - u)"), text("(laplace(u) + u)*(d2_dx2(u) - u)")),
    (text("1/(2 + laplace(u) + u)"), text("1/(2 + laplace(u) + u)")),
    ({"kind": "heat", "alpha": 0.1, "source": "floor(3*u)"}, {"kind": "heat", "alpha": 0.1}),
    ({**CONDUCTION, "source": "floor(3*u)"}, CONDUCTION),
    ({**TENSOR, "source": "floor(3*u)"}, TENSOR),
]


@pytest.mark.parametrize(("whole", "part"), STIFF, ids=lambda table: table.get("u", table["kind"]))
def test_what_is_solved_for(whole: Table, part: Table) -> None:
    def equation(table: Table) -> tuple[Equation, Patch]:
        case = casefile.load(plate(table, 0.1, "imex-euler", 1))
        model = model_of(case)
        coefficients = {name: jnp.asarray(c.source, "float64") for name, c in model.coefficients.items()}
        u = jnp.asarray(np.random.default_rng(0).uniform(0.1, 1.0, (11, 13)))
        time = jnp.float64(0.0)
        return model.equation, Patch({"u": u}, coefficients, time, (4, 5), case.to_grid(), Rounding.by(time))

    (found, patch), (expected, other) = equation(whole), equation(part)
    tendency = core(expected.tendency(other)["u"], found.width - expected.width)
    np.testing.assert_allclose(found.stiff(patch)["u"], tendency, rtol=1e-12, atol=1e-12)


@pytest.mark.long
@pytest.mark.parametrize("integrator", ["imex-euler", "imex-ars222"])
def test_a_text_is_split_as_what_is_built_in(integrator: str, tmp_path: Path) -> None:
    written = {
        "u": "0.2*laplace(u) - u*v**2 + 0.4*(1 - u)",
        "v": "0.1*laplace(v) + u*v**2 - 0.46*v",
    }
    built_in = {"kind": "gray-scott", "diffusivity_u": 0.2, "diffusivity_v": 0.1, "feed": 0.4, "kill": 0.06}
    initial = {"u": "1 - cos(pi*x)/2", "v": "0.3 + cos(pi*y)/5"}
    found = [
        sim.run({**plate(equation, 0.05, integrator, 4), "initial": initial}, output=tmp_path / str(number))
        for number, equation in enumerate(({"kind": "written", **written}, built_in))
    ]
    for field in "uv":
        for measure, value in found[0].statistics[field].items():
            assert value == pytest.approx(found[1].statistics[field][measure], rel=1e-6)


@pytest.mark.parametrize("probes", [None, {"every": 1, "points": {"a": {"at": {"x": 0.5, "y": 0.5}}}}], ids=str)
def test_a_step_that_is_not_found_is_the_last(probes: Table | None, tmp_path: Path) -> None:
    """The third of ten, the others being easy."""
    jump = "0.1*laplace(u) + where(t > 2.5*s and t < 3.5*s, 100*(u < 1)/s, 0)"
    case = plate({"kind": "written", "u": jump, "parameters": {"s": 0.004}}, 0.004, "backward-euler", 10)
    case["initial"] = {"u": "1 - cos(pi*x)/4"}
    if probes:
        case["probes"] = probes
    with pytest.raises(SimError, match=r"the step from t = 0\.008 was not found"):
        sim.run(case, output=tmp_path / "run")
