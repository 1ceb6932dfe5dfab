"""Equations written in the case: what they compute, what they refuse, and where the message points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim import casefile
from sim.errors import SimError
from sim.expression import FormulaError, RightSide
from sim.expression.writing import text_of
from sim.problem import build
from tests.equations import case_of, outcome

AXES = ("y", "x")


def ring(equation: dict[str, Any], fields: dict[str, str], **numerics: Any) -> dict[str, Any]:
    """A periodic box of 12 × 16 cells, 1.2 × 0.8."""
    return {
        "name": "ring",
        "grid": {"x": {"cells": 16, "upper": 0.8}, "y": {"cells": 12, "upper": 1.2}},
        "equation": equation,
        "initial": fields,
        "boundary": {"x": "periodic", "y": "periodic"},
        "time": {"end": 1.0},
        "numerics": {"dtype": "float64", **numerics},
    }


def change(equation: dict[str, Any], fields: dict[str, str], **numerics: Any) -> tuple[dict[str, np.ndarray], Any]:
    """(u(Δt) - u(0)) / Δt after a step, and the coordinates."""
    dt = 1e-3
    case = ring(equation, fields, **numerics)
    after, _ = outcome(case, steps=1, dt=dt)
    before, _ = outcome(case, steps=0, dt=dt)
    grid = casefile.load(case).to_grid()
    y, x = np.meshgrid(grid.centres(0), grid.centres(1), indexing="ij")
    return {name: (after[name] - before[name]) / dt for name in before}, (before, x, y)


def d(u: np.ndarray, axis: int, h: float) -> np.ndarray:
    return (np.roll(u, -1, axis) - np.roll(u, 1, axis)) / (2 * h)


def d2(u: np.ndarray, axis: int, h: float) -> np.ndarray:
    return (np.roll(u, -1, axis) - 2 * u + np.roll(u, 1, axis)) / h**2


U = "sin(2*pi*x/0.8)*cos(2*pi*y/1.2) + 1.5"
HX, HY = 0.05, 0.1


def laplace(u: np.ndarray) -> np.ndarray:
    return d2(u, 1, HX) + d2(u, 0, HY)


def flux(k: np.ndarray, u: np.ndarray) -> np.ndarray:
    total = np.zeros_like(u)
    for axis, h in ((1, HX), (0, HY)):
        upper = (k + np.roll(k, -1, axis)) / 2 * (np.roll(u, -1, axis) - u) / h
        total += (upper - np.roll(upper, 1, axis)) / h
    return total


TEXTS = {
    "D * laplace(u) + u - u**3": lambda u, x, y: 0.3 * laplace(u) + u - u**3,
    "laplace(u**3 - 0.1*laplace(u))": lambda u, x, y: laplace(u**3 - 0.1 * laplace(u)),
    "-d_dx(u*u/2) + d2_dy2(sin(u))": lambda u, x, y: -d(u * u / 2, 1, HX) + d2(np.sin(u), 0, HY),
    "grad_squared(u) - d_dy(u) * x": lambda u, x, y: d(u, 1, HX) ** 2 + d(u, 0, HY) ** 2 - d(u, 0, HY) * x,
    "div((1 + u**2) * grad(u))": lambda u, x, y: flux(1 + u**2, u),
    "div(-grad(u) * D / 2)": lambda u, x, y: -0.15 * laplace(u),
    "div(grad(u) * exp(-y))": lambda u, x, y: flux(np.exp(-y), u),
    "exp(-((x - 1)**2)) * u + t + D**2 + u**m": lambda u, x, y: np.exp(-((x - 1) ** 2)) * u + 0.09 + u**3,
    "where(u > 1.5 and x < 0.4, u % 0.7, -max(u, 1, y))": lambda u, x, y: np.where(
        (u > 1.5) & (x < 0.4), u % 0.7, -np.maximum(np.maximum(u, 1), y)
    ),
    "2": lambda u, x, y: 2 + 0 * u,
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_means_what_it_says(text: str) -> None:
    found, (before, x, y) = change({"u": text, "parameters": {"D": 0.3, "m": 3.0}}, {"u": U})
    np.testing.assert_allclose(found["u"], TEXTS[text](before["u"], x, y), rtol=1e-9, atol=1e-9)


CONDITIONS = {
    "(u > 1.5) - u": lambda u, x: (u > 1.5) - u,
    "laplace(u > 1.5)": lambda u, x: laplace(1.0 * (u > 1.5)),
    "div((u > 1.5) * grad(u))": lambda u, x: flux(1.0 * (u > 1.5), u),
    "-(t >= 0)": lambda u, x: -1.0 + 0 * u,
    "(x > 0.4) * u": lambda u, x: (x > 0.4) * u,
}


@pytest.mark.parametrize(("dtype", "accuracy"), [("float32", 1e-3), ("float64", 1e-9)])
@pytest.mark.parametrize("text", CONDITIONS)
def test_a_condition_is_one_or_zero(text: str, dtype: str, accuracy: float) -> None:
    """In the fields' dtype."""
    found, (before, x, _) = change({"u": text}, {"u": U}, dtype=dtype)
    assert found["u"].dtype == dtype
    expected = CONDITIONS[text](before["u"].astype("float64"), x)
    np.testing.assert_allclose(found["u"], expected, rtol=accuracy, atol=accuracy * np.abs(expected).max())


def test_a_system_with_coefficients() -> None:
    equation = {"a": "k*laplace(b) - a", "b": "a*b", "coefficients": {"k": "1 + x"}}
    found, (before, x, _) = change(equation, {"a": "x", "b": U})
    a, b = before["a"], before["b"]
    np.testing.assert_allclose(found["a"], (1 + x) * laplace(b) - a, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found["b"], a * b, rtol=1e-9)


@pytest.mark.parametrize(
    ("built_in", "text"),
    [
        ({"alpha": 0.7}, "a*laplace(u)"),
        ({"alpha": 0.7, "source": "x*(3 - x)"}, "a*laplace(u) + x*(3 - x)"),
        ({"alpha": 0.7}, "div(a*grad(u))"),
        ({"alpha": "0.5 + 0.1*sin(x)"}, "div((0.5 + 0.1*sin(x))*grad(u))"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_heat_equation_as_text_has_the_bits_of_the_one_built_in(
    built_in: dict[str, Any], text: str, dtype: str
) -> None:
    case = case_of("heat", 2, dtype, equation=built_in)
    written = {"u": text, "parameters": {"a": 0.7}}
    expected, stable = outcome(case)
    found, stable_too = outcome({**case, "equation": written})
    assert stable_too == stable
    np.testing.assert_array_equal(found["u"], expected["u"])


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("u", 1),
        ("laplace(u)", 1),
        ("laplace(u**3 - laplace(u))", 2),
        ("d_dx(d_dx(d_dx(u)))", 3),
        ("d_dx(laplace(u))", 2),
    ],
)
@pytest.mark.parametrize("order", [2, 4])
def test_widths_add_up(text: str, width: int, order: int) -> None:
    case = ring({"u": text}, {"u": U}, order=order)
    expected = width if text == "u" else width * order // 2
    assert build(casefile.load(case)).equation.width == expected


def test_the_stable_step_of_a_text() -> None:
    """Diffusion and decay add up; a growth does not count; Euler has none for a wave, Runge and Kutta do."""
    stiffness = 4 * (1 / HX**2 + 1 / HY**2)

    def stable(equation: dict[str, Any], integrator: str = "euler") -> float:
        case = ring(equation, dict.fromkeys(equation, U))
        case["time"]["integrator"] = integrator
        return outcome(case, steps=0, dt=1.0)[1]

    assert stable({"u": "0.5*laplace(u) - 3*u"}) == pytest.approx(2 / (0.5 * stiffness + 3), rel=1e-6)
    assert stable({"u": "0.5*laplace(u) + 3*u"}) == pytest.approx(2 / (0.5 * stiffness), rel=1e-2)
    assert stable({"u": "-laplace(laplace(u))"}) == pytest.approx(2 / stiffness**2, rel=1e-6)
    assert stable({"u": "v", "v": "4*laplace(u)"}) == 0.0
    assert stable({"u": "v", "v": "4*laplace(u)"}, "rk4") == pytest.approx(
        2 * 2**0.5 / (4 * stiffness) ** 0.5, rel=1e-3
    )


def test_a_stable_step_is_of_the_unit_of_time() -> None:
    """Of three fields that turn into each other, in whatever units these are; what acts one way only limits nothing."""

    def stable(a: str, b: str, c: str) -> float:
        equation = {"a": a, "b": b, "c": c}
        case = ring(equation, dict.fromkeys(equation, U))
        case["time"]["integrator"] = "rk4"
        return outcome(case, steps=0, dt=1.0)[1]

    plain = stable("b", "c", "-a")
    assert plain == pytest.approx(2.25, rel=1e-2)
    for unit in (1e-6, 1.0, 1e9):
        assert stable(f"{1e6 * unit}*b", f"{unit}*c", f"-{1e-6 * unit}*a") * unit == pytest.approx(plain, rel=1e-2)
        assert stable(f"{1e6 * unit}*b - {unit}*a", f"{unit}*c - {unit}*b", f"-{unit}*c") * unit == pytest.approx(
            stable("-a", "-b", "-c"), rel=1e-6
        )


# ----------------------------------------------------------------------------------------------------- refusals

BAD = {
    "laplace(w)": ("unknown name 'w'", 8),
    "laplace(u": ("cannot read this", 7),
    "laplace(u, u)": ("takes 1 argument", 0),
    "laplace + u": ("unknown name 'laplace'", 0),
    "u + grad(u)": ("grad() outside a divergence", 4),
    "div(u)": ("div() of something else", 4),
    "div(u + grad(u))": ("div() of something else", 4),
    "div(grad(u) * grad(u))": ("div() of something else", 4),
    "div(u / grad(u))": ("a division by grad()", 8),
    "u + d_dz(u)": ("an axis that the grid doesn't have", 4),
    "u + curl(u)": ("unknown function 'curl'", 4),
    "u ^ 2": ("'^' is not a power", 2),
    "u ** 99": ("exponent 99 is too large", 5),
    "laplace(laplace(laplace(u)))": ("order above 4", 16),
    "u.__class__": ("a dot after a name", 0),
    "laplace(u if u else u)": ("a number where a condition is wanted", 13),
}


@pytest.mark.parametrize("text", BAD)
def test_a_refusal_points_at_the_character(text: str) -> None:
    words, column = BAD[text]
    with pytest.raises(FormulaError) as caught:
        RightSide(text, ("u",), (), AXES)
    message, shown, caret = str(caught.value).split("\n")
    assert words in message and shown.strip() == text and caret.index("^") - 4 == column
    with pytest.raises(SimError, match=r"equation\.u"):
        casefile.load(ring({"u": text}, {"u": U}))


@pytest.mark.parametrize(
    ("equation", "words"),
    [
        ({"u": "(" * 60 + "u" + ")" * 60 + "+" * 60 + "u"}, "deep"),
        ({"u": "u" + "+u" * 2000}, "characters"),
        ({"u": "a*u", "parameters": {"a": "b"}}, "equation.parameters.a"),
        ({"u": "sin*u", "parameters": {"sin": 1.0}}, "name of a function"),
        ({"u": "u", "parameters": {"laplace": 1.0}}, "operator"),
        ({"u": "u", "parameters": {"x": 1.0}}, "twice"),
        ({"u": "k*u", "coefficients": {"k": "u"}}, "equation.k"),
        ({"u": "v", "v": "u"}, "initial.v is missing"),
        ({"w": "w"}, "initial.u is no field"),
        ({"kind": "written"}, "needs a field"),
        ({"u": "u", "v": 3.0}, "equation.v"),
        ({"u": "u**p", "parameters": {"p": 99.0}}, "exponent"),
        ({"u": "u/(p - p)*(1/(p - p))", "parameters": {"p": 1.0}}, "give parameters"),
        ({"kind": "wavy", "u": "u"}, "equation.kind"),
    ],
)
def test_tables_that_make_no_sense(equation: dict[str, Any], words: str) -> None:
    with pytest.raises(SimError) as caught:
        build(casefile.load(ring(equation, {"u": U})))
    assert words in str(caught.value), caught.value


def test_a_text_goes_out_and_in_again(tmp_path: Path) -> None:
    equation = {"u": "D*laplace(u) + k", "v": "u", "parameters": {"D": 0.1}, "coefficients": {"k": "x"}}
    case = casefile.load(ring(equation, {"u": U, "v": "1"}))
    (tmp_path / "again.toml").write_text(casefile.to_toml(case))
    assert casefile.load(tmp_path / "again.toml").based_at(case.base) == case
    assert casefile.load(case, ["equation.parameters.D=0.2"]).equation.parameters == {"D": 0.2}


@pytest.mark.parametrize(
    "text", ["-x**2 + 3 // y % 2", "where(not x < y <= 2 or x > 1, atan2(x, y), a**-2)", "min(x, 1, y) + (x > 1)"]
)
def test_a_tree_written_is_read_as_the_same(text: str) -> None:
    tree = RightSide(text, (), ("a",), AXES).tree
    again = RightSide(text_of(tree, {}), (), ("a",), AXES).tree
    assert text_of(again, {}) == text_of(tree, {})
