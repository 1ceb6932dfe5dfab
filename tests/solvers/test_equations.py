"""The equations: what they compute, beside numpy; what they keep; how accurate they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim import casefile
from sim.errors import SimError
from sim.problem import build
from tests.equations import outcome

SHAPE = (24, 32)  # y, x
HY, HX = 0.05, 0.025
U = "1.5 + sin(2*pi*x/0.8)*cos(2*pi*y/1.2)"
V = "0.4 + 0.2*cos(2*pi*x/0.8)"


def ring(equation: dict[str, Any], fields: dict[str, str] | None = None, **numerics: Any) -> dict[str, Any]:
    return {
        "name": "ring",
        "grid": {"x": {"cells": SHAPE[1], "upper": 0.8}, "y": {"cells": SHAPE[0], "upper": 1.2}},
        "equation": equation,
        "initial": fields or {"u": U},
        "boundary": {"x": "periodic", "y": "periodic"},
        "time": {"end": 1.0},
        "numerics": {"dtype": "float64", **numerics},
    }


def d(u: np.ndarray, axis: int, h: float) -> np.ndarray:
    return (np.roll(u, -1, axis) - np.roll(u, 1, axis)) / (2 * h)


def laplace(u: np.ndarray) -> np.ndarray:
    return sum((np.roll(u, -1, a) - 2 * u + np.roll(u, 1, a)) / h**2 for a, h in ((0, HY), (1, HX)))


def upwind(a: float, u: np.ndarray, axis: int, h: float) -> np.ndarray:
    through = a * (np.roll(u, 1, axis) if a > 0 else u)  # the lower face
    return (through - np.roll(through, -1, axis)) / h


X = np.broadcast_to((np.arange(32) + 0.5) * HX, SHAPE)
GS = {"diffusivity_u": 0.2, "diffusivity_v": 0.1, "feed": 0.4, "kill": 0.06}
RIGHT_SIDES: dict[str, tuple[dict[str, Any], Any]] = {
    "central": (
        {"kind": "advection-diffusion", "velocity": {"x": 0.7, "y": -0.4}, "alpha": 0.5, "scheme": "central"},
        lambda u, v: {"u": 0.5 * laplace(u) - 0.7 * d(u, 1, HX) + 0.4 * d(u, 0, HY)},
    ),
    "upwind": (
        {"kind": "advection-diffusion", "velocity": {"x": 0.7, "y": -0.4}, "scheme": "upwind"},
        lambda u, v: {"u": upwind(0.7, u, 1, HX) + upwind(-0.4, u, 0, HY)},
    ),
    "burgers": (
        {"kind": "burgers", "viscosity": 0.3, "scheme": "central"},
        lambda u, v: {
            "u": 0.3 * laplace(u)
            - sum(
                (((u + np.roll(u, -1, a)) / 2) ** 2 - ((u + np.roll(u, 1, a)) / 2) ** 2) / (2 * h)
                for a, h in ((0, HY), (1, HX))
            )
        },
    ),
    "wave": (
        {"kind": "wave", "speed": "1 + x", "damping": 0.3},
        lambda u, v: {"u": v, "v": (1 + X) ** 2 * laplace(u) - 0.3 * v},
    ),
    "gray-scott": (
        {"kind": "gray-scott", **GS},
        lambda u, v: {
            "u": 0.2 * laplace(u) - u * v**2 + 0.4 * (1 - u),
            "v": 0.1 * laplace(v) + u * v**2 - 0.46 * v,
        },
    ),
    "fitzhugh-nagumo": (
        {"kind": "fitzhugh-nagumo", "diffusivity_u": 0.5, "current": 0.2},
        lambda u, v: {"u": 0.5 * laplace(u) + u - u**3 / 3 - v + 0.2, "v": 0.08 * (u + 0.7 - 0.8 * v)},
    ),
    "allen-cahn": (
        {"kind": "allen-cahn", "diffusivity": 0.3, "rate": 2.0},
        lambda u, v: {"u": 0.3 * laplace(u) + 2 * (u - u**3)},
    ),
    "cahn-hilliard": (
        {"kind": "cahn-hilliard", "mobility": 2.0, "gradient": 0.2},
        lambda u, v: {"u": 2 * laplace(u**3 - u - 0.2 * laplace(u))},
    ),
    "porous medium": ({"kind": "porous-medium", "m": 2.5, "alpha": 0.3}, lambda u, v: {"u": 0.3 * laplace(u**2.5)}),
    "tensor, material": (
        {
            "kind": "anisotropic",
            "tensor": {"xx": 3.0, "yy": 3.0},
            "density": "1 + x",
            "capacity": "2 + u",
            "source": "u*x",
        },
        lambda u, v: {"u": (3 * laplace(u) + u * X) / (1 + X) / (2 + u)},
    ),
    "conduction": (
        {"kind": "conduction", "conductivity": 3.0, "density": "1 + x", "capacity": "2 + u", "source": "u*x"},
        lambda u, v: {"u": (3 * laplace(u) + u * X) / (1 + X) / (2 + u)},
    ),
}


@pytest.mark.parametrize("name", RIGHT_SIDES)
def test_a_step_is_that_of_the_equation(name: str) -> None:
    equation, right_side = RIGHT_SIDES[name]
    dt = 1e-4
    case = ring(equation)
    if len(right_side(np.ones(SHAPE), np.ones(SHAPE))) == 2:
        case = ring(equation, {"u": U, "v": V})
    before, _ = outcome(case, steps=0, dt=dt)
    after, _ = outcome(case, steps=1, dt=dt)
    for field, rate in right_side(before["u"], before.get("v")).items():
        np.testing.assert_allclose(after[field], before[field] + dt * rate, rtol=1e-12, atol=1e-12)


CONSERVING: dict[str, dict[str, Any]] = {
    "nonlinear": {"alpha": "0.1 + u**2"},
    "tensor": {"kind": "anisotropic", "tensor": {"xx": 0.3, "yy": "0.5 + x", "xy": "0.1*sin(9*y)"}},
    "limited": {"kind": "advection-diffusion", "velocity": {"x": "sin(7*x)", "y": -0.4}},
    "burgers": {"kind": "burgers", "viscosity": 0.0},
    "cahn-hilliard": {"kind": "cahn-hilliard", "gradient": 0.01},
    "porous medium": {"kind": "porous-medium", "m": 3.0},
    "text": {"u": "div((1 + u*u)*grad(u)) + laplace(sin(u)) - d_dx(u**2)"},
}


@pytest.mark.parametrize("name", CONSERVING)
def test_what_leaves_a_cell_arrives_in_the_next(name: str) -> None:
    case = ring(CONSERVING[name])
    (before, _), (after, _) = outcome(case, steps=0, dt=1.0), outcome(case, steps=20)
    assert np.abs(after["u"] - before["u"]).max() > 1e-6
    assert after["u"].mean() == pytest.approx(before["u"].mean(), abs=1e-14)


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("form", ["slices", "conv"])
def test_differences_are_as_accurate_as_they_say(order: int, form: str) -> None:
    """∂u/∂t = ∇²u + ∂u/∂x of a sine: the error of a right-hand side at three spacings."""
    errors = []
    for cells in (16, 32, 64):
        case = ring({"u": "laplace(u) + d_dx(u)"}, {"u": "sin(x + 2*y)"}, order=order, stencil=form)
        case["grid"] = {axis: {"cells": cells, "upper": 2 * np.pi} for axis in "xy"}
        dt = 1e-3
        (before, _), (after, _) = outcome(case, steps=0, dt=dt), outcome(case, steps=1, dt=dt)
        x = (np.arange(cells) + 0.5) * 2 * np.pi / cells
        phase = x[None] + 2 * x[:, None]
        errors.append(np.abs((after["u"] - before["u"]) / dt + 5 * np.sin(phase) - np.cos(phase)).max())
    slope = np.polyfit(np.log2([1, 0.5, 0.25]), np.log2(errors), 1)[0]
    assert slope == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize("order", [2, 4])
def test_a_full_tensor_diffuses_along_its_axes(order: int) -> None:
    """∂/∂x (A_xy ∂u/∂y) twice, of a sine."""
    errors = []
    for cells in (16, 32, 64):
        equation = {"kind": "anisotropic", "tensor": {"xx": 1.0, "yy": 0.5, "xy": 0.3}}
        case = ring(equation, {"u": "sin(x + 2*y)"}, order=order)
        case["grid"] = {axis: {"cells": cells, "upper": 2 * np.pi} for axis in "xy"}
        dt = 1e-4
        (before, _), (after, _) = outcome(case, steps=0, dt=dt), outcome(case, steps=1, dt=dt)
        exact = -(1.0 + 4 * 0.5 + 2 * 2 * 0.3) * before["u"]
        errors.append(np.abs((after["u"] - before["u"]) / dt - exact).max())
    assert np.polyfit([0, -1, -2], np.log2(errors), 1)[0] == pytest.approx(order, abs=0.1)


def test_a_full_tensor_of_fourth_order_is_stable_at_its_stable_step() -> None:
    """Nearly degenerate, from noise: every mode falls, as none would with a symbol that is too large or negative."""
    equation = {"kind": "anisotropic", "tensor": {"xx": 1.0, "yy": 1.0, "xy": 0.99}}
    case = ring(equation, {"u": "sin(1000*x*y + 77*x) + cos(3000*x + 555*y*y)"}, order=4)
    _, stable = outcome(case, steps=0, dt=1.0)
    spread = [outcome(case, steps=steps, dt=stable)[0]["u"].var() for steps in (0, 10, 100, 1000)]
    assert all(np.diff(spread) < 0)


def test_order_4_where_a_tensor_turns_heat_at_a_wall_that_it_flows_through() -> None:
    case = ring({"kind": "anisotropic", "tensor": {"xx": 1.0, "yy": 1.0, "xy": 0.3}}, order=4)
    case["boundary"]["x"] = "neumann"
    with pytest.raises(SimError, match=r"numerics.order = 2, or walls"):
        build(casefile.load(case))


@pytest.mark.parametrize("equation", ["limited", "upwind", "burgers"])
def test_no_new_extrema(equation: str) -> None:
    """A square carried around by the largest step allowed, for many steps: nothing above it, nothing below."""
    kind = {"kind": "burgers", "viscosity": 0.0}
    if equation != "burgers":
        kind = {"kind": "advection-diffusion", "velocity": {"x": 1.0, "y": -0.5}, "scheme": equation}
    case = ring(kind, {"u": "where(abs(x - 0.4) < 0.1 and abs(y - 0.5) < 0.2, 2.0, 1.0)"})
    _, stable = outcome(case, steps=0, dt=1.0)
    after, _ = outcome(case, steps=60, dt=stable)
    assert after["u"].min() >= 1.0 - 1e-13 and after["u"].max() <= 2.0 + 1e-13
    assert after["u"].max() > 1.3


def test_a_limited_scheme_is_sharper_than_an_upwind_one() -> None:
    def error(scheme: str) -> float:
        case = ring({"kind": "advection-diffusion", "velocity": {"x": 1.0}, "scheme": scheme}, {"u": "sin(2*pi*x/0.8)"})
        case["time"]["integrator"] = "ssprk3"
        found, _ = outcome(case, steps=80, dt=0.01)
        exact, _ = outcome(case, steps=0, dt=1.0)
        return float(np.abs(found["u"] - exact["u"]).mean())

    assert error("limited") < 0.15 * error("upwind")


@pytest.mark.parametrize("power", [70, -70])
def test_a_limited_scheme_knows_no_unit(power: int) -> None:
    """In float32 the product of two differences would be beyond all numbers, or nothing."""
    equation = {"kind": "advection-diffusion", "velocity": {"x": 1.0}, "scheme": "limited"}

    def after(scale: float) -> np.ndarray:
        case = ring(equation, {"u": f"{scale!r} * (1.5 + sin(2*pi*x/0.8) * cos(3*y))"})
        case["numerics"]["dtype"] = "float32"
        return outcome(case, steps=20, dt=0.01)[0]["u"].astype(np.float64)

    plain = after(1.0)
    assert np.ptp(plain) > 1.0
    np.testing.assert_array_equal(after(2.0**power), 2.0**power * plain)


@pytest.mark.parametrize(
    ("equation", "words"),
    [
        ({"kind": "burgers"}, "equation.viscosity"),
        ({"kind": "burgers", "viscosity": -1.0}, "equation.viscosity"),
        ({"kind": "advection-diffusion", "velocity": {"z": 1.0}}, "equation.velocity.z"),
        ({"kind": "advection-diffusion", "velocity": {"x": "u"}}, "equation.velocity.x"),
        ({"kind": "anisotropic", "tensor": {"xx": 1.0, "yy": 1.0, "xy": 2.0}}, "equation.tensor.xy"),
        ({"kind": "anisotropic", "tensor": {"xx": 1.0}}, "equation.tensor.yy"),
        ({"kind": "anisotropic", "tensor": {"xx": 1.0, "yy": 1.0}, "density": "laplace(u)"}, "equation.density"),
        ({"kind": "anisotropic", "tensor": {"xx": 1.0, "yy": 1.0}, "source": "w"}, "equation.source"),
        ({"kind": "porous-medium", "m": 0.5}, "equation.m"),
        ({"kind": "conduction", "conductivity": "w"}, "equation.conductivity"),
        ({"kind": "wave", "speed": 1.0}, "initial.v"),
        ({"kind": "heat", "alpha": "u + w"}, "equation.alpha"),
    ],
)
def test_equations_that_make_no_sense(equation: dict[str, Any], words: str) -> None:
    with pytest.raises(SimError) as caught:
        casefile.load(ring(equation))
    assert words in str(caught.value)
