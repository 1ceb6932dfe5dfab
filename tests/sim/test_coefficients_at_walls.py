"""Coefficients whose slopes are taken, or that are wanted at the wall itself: they go on beyond it as inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sim

N, DT = 8, 1e-3


def changed(case: dict[str, Any], put: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """(u(Δt) - u(0)) / Δt by a step of Euler's on [0, 1]."""
    told = {
        "name": "at-walls",
        "grid": {"x": {"cells": N}},
        "boundary": {"x": "neumann"},
        "time": {"end": 1.0, "step": DT, "integrator": "euler"},
        "numerics": {"dtype": "float64"},
        "parallel": {"transport": "virtual", "blocks": 2, "tune": False},
    }
    with sim.start({**told, **case}) as running:
        for name, values in (put or {}).items():
            running.put(name, values)
        before = running.whole("u").copy()
        running.advance(to=DT)
        return np.asarray((running.whole("u") - before) / DT)


@pytest.mark.parametrize("text", ["d_dx(c)", "d_dx(c*u) + laplace(u)", "0.1*laplace(c*u) + 3", "div(u*grad(c))"])
def test_a_slope_is_as_right_at_walls_as_elsewhere(text: str) -> None:
    """c is linear, and u is 1: differences of second order are exact in every cell."""
    case = {"equation": {"u": text, "coefficients": {"c": "1 + 3*x"}}, "initial": {"u": 1.0}}
    wanted = 0.0 if text.startswith("div") else 3.0
    np.testing.assert_allclose(changed(case), wanted, atol=1e-10)


def test_one_that_conducts_too_conducts_at_walls_as_the_cell_there() -> None:
    """u stands still but at the walls, where k is that of the cell: 2 k (value - u) / h² is what comes in."""
    case = {
        "equation": {"u": "0.1*div(k*grad(u)) - 0.1*d_dx(k)", "coefficients": {"k": "1 + 3*x"}},
        "initial": {"u": 1.0},
        "boundary": {"x": {"kind": "dirichlet", "value": 2.0}},
    }
    for factor in (1.0, 2.0):
        k = factor * (1 + 3 * (np.arange(N) + 0.5) / N)
        wanted = np.full(N, -0.3 * factor)
        wanted[[0, -1]] += 0.1 * 2 * k[[0, -1]] * N**2
        np.testing.assert_allclose(changed(case, {"k": k}), wanted, rtol=1e-9)


@pytest.mark.parametrize("scheme", ["upwind", "central", "limited"])
def test_what_is_carried_through_a_wall_is_by_the_velocity_there(scheme: str) -> None:
    """-∂(a u)/∂x of u = 1 and a linear a is the same everywhere."""
    case = {
        "equation": {"kind": "advection-diffusion", "velocity": {"x": "2*x - 0.5"}, "scheme": scheme},
        "initial": {"u": 1.0},
        "boundary": {"x": {"kind": "dirichlet", "value": 1.0}},
    }
    if scheme == "central":
        case["equation"] |= {"alpha": 0.1}
    np.testing.assert_allclose(changed(case), -2.0, rtol=1e-10)


def test_a_flow_along_walls_does_not_leave_the_box() -> None:
    flow = {"x": "sin(pi*x)*cos(pi*y)", "y": "-cos(pi*x)*sin(pi*y)"}
    case = {
        "grid": {"x": {"cells": 24}, "y": {"cells": 24}},
        "equation": {"kind": "advection-diffusion", "velocity": flow},
        "initial": {"u": "1 + x*y**8"},
        "boundary": {"x": "neumann", "y": "neumann"},
    }
    assert abs(changed(case).mean()) < 0.2 / 24**2
