"""A case of every equation, and its fields after some steps wherever it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sim import casefile
from sim.problem import build
from sim.schedule import Segment
from sim.simulation import Simulation
from sim.stepping import step_of
from sim.team import Solo
from sim.transport import Wish, choose_transport
from tests.cases import table

# Name → [equation], and its fields.
EQUATIONS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "heat": ({"alpha": 0.7, "source": "x*y"}, ("u",)),
    "heat, nonlinear": ({"alpha": "0.2 + 0.1*u**2", "source": "x*u - t*u**3"}, ("u",)),
    "heat, harmonic": ({"alpha": "0.2 + abs(u)", "mean": "harmonic"}, ("u",)),
    "conduction": (
        {"kind": "conduction", "conductivity": "1 + x", "density": "2 + x*y", "capacity": "3 + u/9"},
        ("u",),
    ),
    "diagonal tensor": ({"kind": "anisotropic", "tensor": {"xx": 0.3, "yy": "0.5 + 0.1*x"}}, ("u",)),
    "full tensor": ({"kind": "anisotropic", "tensor": {"xx": 0.3, "yy": 0.5, "xy": "0.1*sin(x)"}}, ("u",)),
    "tensor, material": (
        {
            "kind": "anisotropic",
            "tensor": {"xx": 0.3, "yy": "0.5 + 0.1*x", "xy": "0.1*sin(x)"},
            "density": "2 + x*y",
            "capacity": "3 + u/9",
            "source": "x*u - t*u**3",
        },
        ("u",),
    ),
    "full tensor, order = 4": ({"kind": "anisotropic", "tensor": {"xx": 0.3, "yy": 0.5, "xy": "0.1*sin(x)"}}, ("u",)),
    "upwind": ({"kind": "advection-diffusion", "velocity": {"x": 0.7, "y": -0.4}, "scheme": "upwind"}, ("u",)),
    "central": (
        {"kind": "advection-diffusion", "velocity": {"x": 0.7, "y": "0.3*x"}, "scheme": "central", "alpha": 0.5},
        ("u",),
    ),
    "limited": ({"kind": "advection-diffusion", "velocity": {"x": "0.7*y + 0.1*x", "y": -0.4}, "alpha": 0.01}, ("u",)),
    "burgers": ({"kind": "burgers", "viscosity": 0.05}, ("u",)),
    "wave": ({"kind": "wave", "speed": "1 + 0.1*x", "damping": 0.3}, ("u", "v")),
    "gray-scott": (
        {"kind": "gray-scott", "diffusivity_u": 0.2, "diffusivity_v": 0.1, "feed": 0.4, "kill": 0.06},
        ("u", "v"),
    ),
    "fitzhugh-nagumo": ({"kind": "fitzhugh-nagumo", "diffusivity_u": 0.5, "diffusivity_v": 0.1}, ("u", "v")),
    "allen-cahn": ({"kind": "allen-cahn", "diffusivity": 0.3, "rate": 2.0}, ("u",)),
    "cahn-hilliard": ({"kind": "cahn-hilliard", "gradient": 0.2}, ("u",)),
    "porous medium": ({"kind": "porous-medium", "m": 2.5}, ("u",)),
    "text, system": (
        {
            "u": "D*laplace(u) + u - u**3 - v + kappa",
            "v": "E*laplace(v) + (u - v)/tau",
            "parameters": {"D": 0.5, "E": 0.3, "kappa": 0.1, "tau": 2.0},
        },
        ("u", "v"),
    ),
    "text, functions": (
        {"u": "0.3*laplace(u) + sin(u*3 + t) - 0.2*exp(-u*u)*cos(x*t)/(1.5 + x) + tanh(u)*log(2 + u*u) + u % 0.3"},
        ("u",),
    ),
    "text, operators": (
        {
            "u": "div((0.2 + abs(u)**1.5 + k*u**2)*grad(u)) + grad_squared(u)*0.05 - 0.3*d_dx(u*u/2)"
            " + 0.01*d2_dx2(sin(u)*d_dx(u*0.3 + u**p*0.1)) - 0.1*d_dx(k*u)",
            "coefficients": {"k": "0.1 + 0.1*cos(x)"},
            "parameters": {"p": 2.0},
        },
        ("u",),
    ),
}


def case_of(name: str, ndim: int, dtype: str, **changes: Any) -> dict[str, Any]:
    """An uneven grid with walls of several kinds; what depends on y does not, where there is none."""
    equation, fields = EQUATIONS[name]
    case = table(ndim, dtype, "mixed")
    case["boundary"]["x"] = {"lower": {"kind": "dirichlet", "value": 1.5}, "upper": "neumann"}
    if name.endswith("order = 4"):
        # Where heat is turned, walls that it flows through are of second order.
        case["numerics"]["order"] = 4
        case["boundary"] = dict.fromkeys(case["boundary"], "periodic") | {"x": {"kind": "dirichlet", "value": 1.5}}
    case |= {"equation": equation, "exact": {}, "output": {}, **changes}
    case["initial"] = {field: f"0.3*({case['initial']['u']}) + 0.{i + 2}" for i, field in enumerate(fields)}
    del case["time"]["step"]
    return case


def settled(case: dict[str, Any], depth: int = 1, tile: Sequence[int] = (), **wish: Any) -> tuple[Simulation, float]:
    """What is ready to step in this process; and the stable step."""
    problem = build(casefile.load(case)).in_tiles(tile)
    wanted = Wish(**{"transport": "serial", **wish})
    transport = choose_transport(wanted.transport, wanted, Solo(), problem.grid.shape, problem.ghosts(depth))
    simulation = Simulation(problem, transport)
    speed = simulation.speed()
    step = step_of(problem.case.time, problem.equation, speed).step
    simulation.settle(step)
    return simulation, step.stable_step(speed.decay, speed.wave)


def outcome(
    case: dict[str, Any], steps: int = 6, depth: int = 1, tile: Sequence[int] = (), dt: float | None = None, **wish: Any
) -> tuple[dict[str, np.ndarray], float]:
    """Each field after some steps, whole, in this process; and the stable step."""
    simulation, stable = settled(case, depth, tile, **wish)
    problem, transport = simulation.problem, simulation.transport
    dt = dt or min(0.4 * stable, 1e-2) or 1e-3
    if steps:
        simulation.compile()
        simulation.take(Segment(0.0, steps * dt, steps), 0, steps)
    found = {}
    for name, u in simulation.fields.items():
        found[name] = np.full(problem.grid.shape, np.nan, u.dtype)
        for box, values in transport.blocks(u):
            found[name][box] = values
    return found, stable
