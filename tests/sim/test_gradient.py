"""Gradients through the time loop: those of differences, on every transport, of every equation and explicit step."""

from __future__ import annotations

import json
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import sim
from sim.errors import SimError
from tests.cases import table
from tests.equations import EQUATIONS, case_of
from tests.gradients import VARYING, loss, slopes

SHORT = ("heat",)
NONLINEAR_WALLS: dict[str, dict[str, Any]] = {
    "robin": {"kind": "robin", "h": "5 + t", "ambient": 2.0},
    "radiation": {"kind": "radiation", "emissivity": 0.8, "ambient": 1.5, "sigma": 0.5},
    "outflow": {"kind": "outflow"},
}


def check(case: dict[str, Any], steps: float = 5.5, has_kinks: bool = False) -> None:
    """has_kinks: differences are to be small, not to reach over one, and then know less."""
    small, tolerance = (1e-8, 1e-5) if has_kinks else (1e-5, 1e-6)
    for name, (slope, difference) in slopes(case, steps, small).items():
        assert slope == pytest.approx(difference, rel=tolerance, abs=0.1 * tolerance), name
        assert difference != 0.0, f"the loss does not hang on {name}"


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in SHORT else pytest.mark.long) for n in EQUATIONS])
def test_of_every_equation(name: str) -> None:
    case = case_of(name, 2, "float64")
    case["grid"] = {"x": {"cells": 11, "upper": 1.3}, "y": {"cells": 9, "upper": 1.1}}
    if name == "wave":
        case["time"]["integrator"] = "verlet"
    check(case, has_kinks=name in ("limited", "burgers"))


@pytest.mark.parametrize("kind", ["advection-diffusion", "burgers"])
def test_of_a_limited_scheme_where_a_field_is_flat(kind: str) -> None:
    """A field that is the same everywhere stays so, and L = Σ u² is 2 u in each cell, for nothing is lost on a ring."""
    more = {"viscosity": 0.1} if kind == "burgers" else {"velocity": {"x": 1.0, "y": 2.0}}
    case = case_of("limited", 2, "float64", equation={"kind": kind, **more})
    case |= {"initial": {"u": 1.5}, "boundary": {"x": "periodic", "y": "periodic"}, "time": {"end": 1.0, "step": 1e-3}}
    with sim.start(case) as running:
        found = running.gradient(lambda fields, data: fields["u"] ** 2, to=2e-3)
        np.testing.assert_allclose(found.whole("u"), 3.0, rtol=1e-12)


@pytest.mark.parametrize(
    "wall", [pytest.param(w, marks=() if w == "robin" else pytest.mark.long) for w in NONLINEAR_WALLS]
)
@pytest.mark.parametrize("alpha", [0.7, pytest.param("0.5 + u**2", marks=pytest.mark.long)])
def test_of_every_wall(wall: str, alpha: float | str) -> None:
    case = case_of("heat", 1, "float64", equation={"kind": "heat", "alpha": alpha})
    case["grid"] = {"x": {"cells": 11, "upper": 1.3}}
    case["boundary"]["x"] = {"lower": NONLINEAR_WALLS[wall], "upper": "neumann"}
    check(case)


@pytest.mark.parametrize(
    ("integrator", "steps"),
    [
        ("rkl2", 2),
        *(pytest.param(name, 7, marks=pytest.mark.long) for name in ("heun", "ssprk3", "rk4", "rkl1")),
        # In legs, of which the last one is not full.
        pytest.param("euler", 41, marks=pytest.mark.long),
    ],
)
def test_of_every_step(integrator: str, steps: int) -> None:
    case = case_of("heat", 1, "float64", equation={"kind": "heat", "alpha": 0.7, "source": "x*(1 - x)"})
    case["grid"] = {"x": {"cells": 19, "upper": 1.3}}
    case["time"]["integrator"] = integrator
    check(case, steps)


@pytest.mark.long
def test_of_what_acts_and_at_times_between() -> None:
    case = case_of("heat", 2, "float64")
    case["sources"] = [{"at": {"x": "0.5 + 0.1*cos(t)", "y": 0.5}, "strength": 3.0}]
    case["regions"] = [
        {"ball": {"centre": {"x": 0.4, "y": 0.4}, "radius": 0.3}, "max": 0.7},
        {"where": "x > y", "apply": "tanh(u)", "times": [0.004]},
    ]
    check(case)


def through(case: dict[str, Any], **parallel: Any) -> tuple[float, dict[str, np.ndarray]]:
    seen = np.sin(np.arange(23 * 29.0)).reshape(29, 23)
    with sim.start({**case, "parallel": parallel}) as running:
        gradient = running.gradient(loss, 0.03, {"seen": lambda place: seen[place]})
        again = running.gradient(loss, 0.03, {"seen": seen})
        assert again.value == gradient.value and np.array_equal(again.whole("u"), gradient.whole("u"))
        return gradient.value, {name: gradient.whole(name) for name in (*running.fields, *running.coefficients)}


@pytest.mark.parametrize(
    "parallel",
    [
        {"transport": "virtual", "blocks": 3},
        pytest.param({"transport": "xla", "devices": 4}, marks=pytest.mark.long),
        pytest.param({"transport": "xla", "devices": 4, "halo": "psum"}, marks=pytest.mark.long),
        pytest.param({"transport": "auto-sharded", "devices": 4}, marks=pytest.mark.long),
        pytest.param({"transport": "virtual", "blocks": 4, "ghost_depth": 3, "tile": [4]}, marks=pytest.mark.long),
    ],
    ids=json.dumps,
)
def test_on_every_transport(parallel: dict[str, Any]) -> None:
    """Blocks are of unequal sizes.  The loss is the same to the bit, its gradient to rounding."""
    case = {**table(2, "float64", "walls"), "exact": {}, "equation": VARYING}
    case["time"] = {"end": 0.1, "integrator": "heun"}
    (value, alone), (there, found) = through(case, transport="serial"), through(case, **parallel)
    assert there == value
    for name, slope in alone.items():
        np.testing.assert_allclose(found[name], slope, rtol=1e-11, atol=1e-13 * np.abs(slope).max(), err_msg=name)


def misfit(fields: dict[str, Any], data: dict[str, Any]) -> Any:
    return (fields["u"] - data["seen"]) ** 2


def test_it_descends() -> None:
    """A source that nobody has seen is found from the temperatures that it leads to."""
    case = {**table(1, "float64", "walls"), "exact": {}, "initial": {"u": 0.3}, "time": {"end": 0.3, "step": 0.0004}}
    case["grid"] = {"x": {"cells": 32}}
    case["equation"] = {"kind": "heat", "alpha": 0.7, "source": "30*x"}
    with sim.start(case) as running:
        running.advance(to=0.05)
        seen = running.whole("u")
    with sim.start({**case, "equation": {"kind": "heat", "alpha": 0.7, "source": "0*x"}}) as running:
        values, source = [], running.whole("source")
        for _ in range(6):
            running.put("source", source)
            gradient = running.gradient(misfit, to=0.05, data={"seen": seen})
            values.append(gradient.value)
            source = source - 500.0 * gradient.whole("source")
    assert values[-1] < 0.1 * values[0] and sorted(values, reverse=True) == values


@pytest.mark.parametrize(
    ("changes", "given", "said"),
    [
        ({"time": {"end": 1.0, "integrator": "crank-nicolson", "step": 0.1}}, loss, "'crank-nicolson' solve systems"),
        ({"time": {"end": 1.0, "integrator": "bs23"}}, loss, "'bs23' are as long as their errors allow"),
        ({"ensemble": {"vary": {"equation.alpha": [0.3, 0.7]}}}, loss, "this is an ensemble of 2"),
        ({}, lambda fields, data: fields["u"].sum(), "it must give each cell a real number"),
        ({}, lambda fields, data: fields["u"][1:], "it must give each cell a real number"),
        ({}, lambda fields, data: fields["u"] > 0, "it must give each cell a real number"),
        ({}, "u", "loss is a function of (fields, data); got 'u'"),
        ({}, lambda fields, data: jnp.log(fields["u"] - 100.0), "the loss is nan; it must be a finite number"),
        ({}, lambda fields, data: jnp.sqrt(0.0 * fields["u"]), "the gradient by alpha, source, u is not finite"),
    ],
)
def test_what_has_no_gradient_is_said_to_have_none(changes: dict[str, Any], given: Any, said: str) -> None:
    case = {**table(1, "float64"), "exact": {}, **changes}
    case["grid"] = {"x": {"cells": 31}}
    case["time"] = {"end": 1.0, **changes.get("time", {})}
    with sim.start(case) as running, pytest.raises(SimError) as refusal:
        running.gradient(given, 0.002, {"seen": 0.0})
    assert said in str(refusal.value)


def test_data_are_values_by_name() -> None:
    with sim.start({**table(1, "float64"), "exact": {}}) as running:
        with pytest.raises(SimError, match="data is a dict of values by name"):
            running.gradient(loss, 0.01, [1.0])  # type: ignore[arg-type]
        with pytest.raises(SimError, match=r"data.seen: an array of the shape \(3,\) was given"):
            running.gradient(loss, 0.01, {"seen": [1.0, 2.0, 3.0]})


def test_states_that_there_is_no_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with sim.start({**table(1, "float64"), "exact": {}}) as running:
        monkeypatch.setenv("SIM_MEMORY_GIB", "1e-5")
        with pytest.raises(SimError, match="a gradient through so many steps keeps"):
            running.gradient(loss, 0.2, {"seen": 0.0})


def test_a_parameter_that_went_into_other_numbers_cannot_change_alone() -> None:
    text = {"u": "D*laplace(u) - u**p + u/(D*q) + r*u", "parameters": {"D": 0.5, "p": 2.0, "q": 3.0, "r": 1.0}}
    with sim.start({**table(1, "float64", "walls"), "exact": {}, "equation": text}) as running:
        assert "r" in running.coefficients
        for name in ("D", "p", "q"):
            assert name not in running.coefficients
            with pytest.raises(SimError, match=f"{name} is part of an exponent, or of what was worked out beforehand"):
                running.put(name, 1.0)
        with pytest.raises(SimError, match="nothing here is called 'p'"):
            running.gradient(loss, 0.01, {"seen": 0.0}).whole("p")
