"""Every equation, in space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sympy import Expr, Rational, cos, exp, pi, sin, tanh

from sim.verify.accuracy.manufactured import PLACE, TIME, Manufactured, sides
from sim.verify.accuracy.running import case_of
from sim.verify.accuracy.study import Study
from sim.verify.accuracy.walls import SMOOTH

FAMILY = "equations"
_X, _Y, _Z = PLACE.values()
_RK4: Mapping[str, Any] = {"end": 0.05, "integrator": "rk4"}
_FALLING = exp(-TIME)
_RING = 2 * pi * _X
# On the unit ring, or the unit square of two.
_ROUND = 2 + _FALLING * sin(_RING + Rational(2, 5)) * cos(2 * pi * _Y) / 2
_OTHER = 1 + _FALLING * cos(_RING) / 2


def studies() -> Iterator[Study]:
    yield from _heat()
    yield from _transport()
    yield from _systems()
    yield from _written()


def _heat() -> Iterator[Study]:
    walls = {axis: sides("dirichlet", SMOOTH, axis) for axis in "xy"}
    for name, equation, rate in (
        ("heat, α(x, y)", {"alpha": "1/2 + x*y"}, "div((1/2 + x*y)*grad(u))"),
        ("heat, α(x, y), harmonic", {"alpha": "1/2 + x*y", "mean": "harmonic"}, "div((1/2 + x*y)*grad(u))"),
        ("heat, α(u)", {"alpha": "1/2 + u**2/8"}, "div((1/2 + u**2/8)*grad(u))"),
    ):
        problem = Manufactured({"u": SMOOTH}, {"u": rate}, "xy")
        table: dict[str, Any] = {"kind": "heat", **equation, "source": problem.source()}
        yield _study(name, 2, (12, 18, 27), problem, table, walls)
    yield from _fourth_order_fluxes()
    capacity = (1 + _X) * (2 + SMOOTH / 4)
    rate = "div((1 + y/2)*grad(u))/((1 + x)*(2 + u/4))"
    problem = Manufactured({"u": SMOOTH}, {"u": rate}, "xy")
    table = {"kind": "conduction", "conductivity": "1 + y/2", "density": "1 + x", "capacity": "2 + u/4"}
    source = problem.source(scale=capacity)
    yield _study("conduction, k(y), ρ(x), c(u)", 2, (12, 18, 27), problem, {**table, "source": source}, walls)
    tensor = {"xx": "1 + x/2", "yy": "1 + y/2", "xy": "x*y/2"}
    flow = f"d_dx(({tensor['xx']})*d_dx(u)) + d_dy(({tensor['yy']})*d_dy(u))"
    flow += f" + d_dx(({tensor['xy']})*d_dy(u)) + d_dy(({tensor['xy']})*d_dx(u))"
    # Its source does not change in time, so neither does the chosen field.
    still = SMOOTH.subs(TIME, 0)
    held = {axis: sides("dirichlet", still, axis) for axis in "xy"}
    problem = Manufactured({"u": still}, {"u": flow}, "xy")
    table = {"kind": "anisotropic", "tensor": tensor, "source": problem.source()}
    yield _study(
        "anisotropic, full tensor",
        2,
        (12, 18, 27),
        problem,
        table,
        held,
    )
    rate = f"({flow})/((1 + x)*(2 + u/4))"
    problem = Manufactured({"u": SMOOTH}, {"u": rate}, "xy")
    table = {"kind": "anisotropic", "tensor": tensor, "density": "1 + x", "capacity": "2 + u/4"}
    source = problem.source(scale=capacity)
    yield _study("full tensor, ρ(x), c(u), q(x, t)", 2, (12, 18, 27), problem, {**table, "source": source}, walls)
    for order, sizes in ((2, (16, 24, 36)), (4, (12, 18, 27))):
        problem = Manufactured({"u": _ROUND}, {"u": "laplace(u)/10"}, "xy")
        table = {"kind": "heat", "alpha": 0.1, "source": problem.source()}
        yield _study(
            f"heat, order = {order}", order, sizes, problem, table, _rings("xy"), scheme=order, quick=order == 4
        )


def _fourth_order_fluxes() -> Iterator[Study]:
    """Around rings, and between closed walls to which ghosts are right to every order."""
    waving, between = "(1 + sin(2*pi*x)*cos(2*pi*y)/2)/10", "(1 + cos(2*pi*x)*cos(pi*y)/3)/10"
    even = 2 + _FALLING * cos(pi * _X) * cos(2 * pi * _Y) / 2
    for name, u, alpha, mean, kind in (
        ("α(x, y)", _ROUND, waving, "arithmetic", "periodic"),
        ("α(x, y), harmonic", _ROUND, waving, "harmonic", "periodic"),
        ("α(u)", _ROUND, "(1 + u**2/8)/20", "arithmetic", "periodic"),
        ("α(x, y), closed", even, between, "arithmetic", "neumann"),
        ("α(u), closed", even, "(1 + u**2/8)/20", "harmonic", "neumann"),
    ):
        problem = Manufactured({"u": u}, {"u": f"div({alpha}*grad(u))"}, "xy")
        table = {"kind": "heat", "alpha": alpha, "mean": mean, "source": problem.source()}
        walls = dict.fromkeys("xy", kind)
        quick = name == "α(u), closed"
        yield _study(f"heat, {name}, order = 4", 4, (12, 18, 27), problem, table, walls, scheme=4, quick=quick)
    problem = Manufactured({"u": _ROUND}, {"u": "div((1 + u**2/8)*grad(u))/20 - u/5"}, "xy")
    tensor = {"xx": waving, "yy": "(2 + sin(2*pi*y))/20", "xy": "sin(2*pi*x + 1)/40"}
    yield _turning("anisotropic, full tensor, order = 4", _ROUND, tensor, "periodic")
    tensor = {"xx": between, "yy": "(2 + cos(pi*y))/20"}
    yield _turning("anisotropic, diagonal, closed, order = 4", even, tensor, "neumann")
    yield _study("text: div, order = 4", 4, (12, 18, 27), problem, problem.written(), _rings("xy"), scheme=4)


def _turning(name: str, u: Expr, tensor: Mapping[str, str], kind: str) -> Study:
    """∇·(A∇u) of fourth order; its source does not change in time, so neither does the chosen field."""
    rows = {a: {b: tensor.get("".join(sorted(a + b)), "0") for b in "xy"} for a in "xy"}
    rate = " + ".join(f"d_d{a}(({rows[a][b]})*d_d{b}(u))" for a in "xy" for b in "xy")
    problem = Manufactured({"u": u.subs(TIME, 0)}, {"u": rate}, "xy")
    table = {"kind": "anisotropic", "tensor": tensor, "source": problem.source()}
    return _study(name, 4, (16, 24, 36), problem, table, dict.fromkeys("xy", kind), scheme=4)


def _transport() -> Iterator[Study]:
    """A wave that travels and dies away, and a front that has no extremum for a limiter to cut."""
    wave = 2 + exp(-Rational(1, 50) * 8 * pi**2 * TIME) * sin(_RING - 2 * pi * TIME) * cos(2 * pi * (_Y + TIME / 2))
    front = tanh((_X - Rational(2, 5) - TIME) * 4)
    along = {"velocity": {"x": 1.0}}
    open_ends = {"x": sides("dirichlet", front, "x")}
    table = {"kind": "advection-diffusion"}
    both = {**table, "velocity": {"x": 1.0, "y": -0.5}, "alpha": 0.02, "scheme": "central"}
    exact = Manufactured({"u": wave}, {}, "xy")
    yield _study("advection–diffusion, central", 2, (24, 36, 54), exact, both, _rings("xy"))
    front_only = Manufactured({"u": front}, {}, "x")
    for scheme, order, sizes, tolerance in (
        ("upwind", 1, (200, 300, 450), 0.1),
        ("limited", 2, (64, 96, 144), 0.15),
    ):
        yield _study(
            f"advection, {scheme}",
            order,
            sizes,
            front_only,
            {**table, **along, "scheme": scheme},
            open_ends,
            time={"end": 0.1, "integrator": "ssprk3"},
            tolerance=tolerance,
            quick=scheme == "limited",
        )
    for order, sizes in ((2, (24, 36, 54)), (4, (16, 24, 36))):
        # c = 1, γ = 1/2, k² = 8π²: ω² = k² - γ²/4.
        frequency = (8 * pi**2 - Rational(1, 16)) ** Rational(1, 2)
        u = exp(-TIME / 4) * sin(frequency * TIME) * sin(_RING) * cos(2 * pi * _Y)
        swing = Manufactured({"u": u, "v": u.diff(TIME)}, {}, "xy")
        damped = {"kind": "wave", "speed": 1.0, "damping": 0.5}
        time = {"end": 0.3, "integrator": "rk4", "safety": 0.4}
        yield _study(
            f"wave, damped, order = {order}", order, sizes, swing, damped, _rings("xy"), time=time, scheme=order
        )


def _systems() -> Iterator[Study]:
    """Those whose built-in form has no place for a source, as text; both forms are one: see `invariants`."""
    reaction = {"u": "laplace(u)/50 - u*v**2 + (1 - u)/20", "v": "laplace(v)/100 + u*v**2 - v/10"}
    nerve = {"u": "laplace(u)/50 + u - u**3/3 - v + 1/2", "v": "laplace(v)/100 + 2/25*(u + 7/10 - 4/5*v)"}
    for name, rates in (("Gray–Scott", reaction), ("FitzHugh–Nagumo", nerve)):
        problem = Manufactured({"u": _ROUND, "v": _OTHER}, rates, "xy")
        yield _study(name, 2, (16, 24, 36), problem, problem.written(), _rings("xy"))
    parting = {"u": "laplace(u**3 - u - laplace(u)/50)/20"}
    for order, sizes in ((2, (16, 24, 36)), (4, (16, 24, 36))):
        problem = Manufactured({"u": _OTHER}, parting, "x")
        time = {"end": 0.01, "integrator": "rk4"}
        name = f"Cahn–Hilliard, order = {order}"
        yield _study(name, order, sizes, problem, problem.written(), _rings("x"), time=time, scheme=order)


def _written() -> Iterator[Study]:
    rates = {"u": "div((1 + u**2/8)*grad(u))/4 + grad_squared(u)/20 - d_dx(u**2)/4 + d2_dy2(u)/10"}
    solid = SMOOTH + _FALLING * sin(_Z) / 4
    problem = Manufactured({"u": solid}, rates, "xyz")
    walls = {axis: sides("dirichlet", solid, axis) for axis in "xyz"}
    yield _study("text: div, grad_squared, d_dx, d2_dy2 in 3-D", 2, (8, 12, 18), problem, problem.written(), walls)
    porous = Manufactured({"u": SMOOTH}, {"u": "laplace(u**2)/4"}, "xy")
    bounded = {axis: sides("dirichlet", SMOOTH, axis) for axis in "xy"}
    yield _study("text: laplace(u**2)", 2, (12, 18, 27), porous, porous.written(), bounded)
    wide = Manufactured({"u": _OTHER}, {"u": "d2_dx2(u)/20 - u*d_dx(u) + u/5"}, "x")
    yield _study("text: d_dx and d2_dx2, order = 4", 4, (16, 24, 36), wide, wide.written(), _rings("x"), scheme=4)


def _study(
    name: str,
    order: float,
    sizes: tuple[int, ...],
    problem: Manufactured,
    equation: Mapping[str, Any],
    boundary: Mapping[str, Any],
    *,
    time: Mapping[str, Any] = _RK4,
    scheme: int = 2,
    **more: Any,
) -> Study:
    """On n cells along x and 4n/3 along others, so that no two spacings are the same."""

    def case(n: int) -> dict[str, Any]:
        cells = {axis: n if axis == "x" else n * 4 // 3 for axis in problem.axes}
        numerics = {"order": scheme}
        return case_of(cells, equation, problem.initial(), boundary, time, exact=problem.exact(), numerics=numerics)

    return Study(FAMILY, name, "space", order, sizes, case, **more)


def _rings(axes: str) -> dict[str, str]:
    return dict.fromkeys(axes, "periodic")
