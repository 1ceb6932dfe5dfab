"""Every kind of boundary, in space on finer grids and in time by smaller steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sympy import Expr, Rational, cos, exp, pi, sin

from sim.verify.accuracy.manufactured import PLACE, TIME, Kind, Manufactured, sides, text
from sim.verify.accuracy.running import case_of
from sim.verify.accuracy.study import Study

FAMILY = "boundaries"
_X, _Y = PLACE["x"], PLACE["y"]
_ALPHA = Rational(1, 2)

# Neither symmetric about a wall nor steady, and positive, as what radiates must be.
SMOOTH = 2 + exp(-TIME) * sin(2 * _X + Rational(3, 10)) * cos(Rational(3, 2) * _Y + Rational(1, 5))


def studies() -> Iterator[Study]:
    for kind, upper in _PAIRS:
        yield _in_space(kind, upper, _ALPHA)
    yield _in_space("dirichlet", "neumann", (1 + _X * _Y) / 2)
    yield _in_space("robin", "radiation", (1 + _X * _Y) / 2)
    yield _in_space("dirichlet", "neumann", (1 + _X * _Y) / 2, order=4)
    yield _in_space("robin", "radiation", (1 + _X * _Y) / 2, order=4)
    yield _slanted("robin", "radiation")
    yield _slanted("neumann", "robin")
    yield _outflow()
    for kind in ("dirichlet", "neumann", "robin", "radiation"):
        yield _in_time(kind)


_PAIRS: tuple[tuple[Kind, Kind], ...] = (
    ("dirichlet", "dirichlet"),
    ("neumann", "neumann"),
    ("robin", "robin"),
    ("radiation", "radiation"),
    ("dirichlet", "robin"),
)


def heat(problem: Manufactured, alpha: Expr, boundary: dict[str, Any], cells: dict[str, int], order: int) -> Any:
    """The built-in heat equation with the source that makes the chosen field its solution."""
    constant = float(alpha) if alpha.is_number else str(alpha)
    equation = {"kind": "heat", "alpha": constant, "source": problem.source()}
    time, numerics = {"end": 0.1, "integrator": "rk4"}, {"order": order}
    return case_of(cells, equation, problem.initial(), boundary, time, exact=problem.exact(), numerics=numerics)


def _in_space(kind: Kind, upper: Kind, alpha: Expr, order: int = 2) -> Study:
    """order: of the differences between the walls."""
    problem = Manufactured({"u": SMOOTH}, {"u": f"div(({alpha})*grad(u))"}, "xy")
    boundary = {"x": sides(kind, SMOOTH, "x", alpha, upper), "y": sides(upper, SMOOTH, "y", alpha, kind)}
    names = kind if upper == kind else f"{kind} and {upper}"
    where = ("" if alpha.is_number else ", k(x, y)") + ("" if order == 2 else f", order = {order}")
    return Study(
        FAMILY,
        f"{names}{where}",
        "space",
        2,
        (12, 18, 27),
        lambda n: heat(problem, alpha, boundary, {"x": n, "y": n * 4 // 3}, order),
    )


def _slanted(kind: Kind, upper: Kind) -> Study:
    """n·A∇u with a full tensor; its source does not change in time, so neither does the chosen field."""
    still, tensor = SMOOTH.subs(TIME, 0), {"xx": (2 + _X) / 4, "yy": (2 + _Y) / 4, "xy": cos(3 * _X) * (1 + _Y) / 8}
    rows = {a: {b: tensor["".join(sorted(a + b))] for b in "xy"} for a in "xy"}
    rate = " + ".join(f"d_d{a}(({rows[a][b]})*d_d{b}(u))" for a in "xy" for b in "xy")
    problem = Manufactured({"u": still}, {"u": rate}, "xy")
    entries = {name: text(entry) for name, entry in tensor.items()}
    equation = {"kind": "anisotropic", "tensor": entries, "source": problem.source()}
    boundary = {"x": sides(kind, still, "x", rows["x"], upper), "y": sides(upper, still, "y", rows["y"], kind)}
    time = {"end": 0.3, "integrator": "rk4"}

    def case(n: int) -> Any:
        cells = {"x": n, "y": n * 4 // 3}
        return case_of(cells, equation, problem.initial(), boundary, time, exact=problem.exact())

    return Study(FAMILY, f"{kind} and {upper}, full tensor", "space", 2, (12, 18, 27), case, quick=kind == "robin")


def _outflow() -> Study:
    """∂²u/∂x² = 0 at x = 1, through which the field leaves."""
    u = _X + exp(-TIME) * sin(pi * _X) / 4
    problem = Manufactured({"u": u}, {"u": "laplace(u)/20 - d_dx(u)"}, "x")
    boundary = {"x": sides("dirichlet", u, "x", upper="outflow")}
    time = {"end": 0.3, "integrator": "rk4"}
    return Study(
        FAMILY,
        "dirichlet and outflow",
        "space",
        2,
        (24, 36, 54),
        lambda n: case_of({"x": n}, problem.written(), problem.initial(), boundary, time, exact=problem.exact()),
    )


# Linear in x: differences and walls of second order are exact, what is left is the error in time.
SWINGING = (1 + _X) * (1 + sin(3 * TIME) / 2)
RATE = "laplace(u)/20 + u - u**3/4"


def _in_time(kind: Kind) -> Study:
    """By the method of highest order, which any value taken at a wrong time within the step would spoil."""
    return in_time(kind, kind, "rk4", 4, FAMILY, f"{kind}, values in t", quick=kind == "radiation")


def in_time(kind: Kind, upper: Kind, integrator: str, order: int, family: str, name: str, **more: Any) -> Study:
    """Reaction and diffusion between walls whose values change, by an integrator."""
    problem = Manufactured({"u": SWINGING}, {"u": RATE}, "x")
    boundary = {"x": sides(kind, SWINGING, "x", Rational(1, 20), upper)}
    equation = {"kind": "heat", "alpha": 0.05, "source": f"u - u**3/4 + ({problem.source()})"}
    stages = {"stages": 5} if integrator.startswith("rkl") else {}

    def case(steps: int) -> Any:
        time = {"end": 1.0, "step": 1.0 / steps, "integrator": integrator, **stages}
        return case_of({"x": 5}, equation, problem.initial(), boundary, time, exact=problem.exact())

    return Study(family, name, "time", order, (36, 54, 81), case, **more)
