"""Exact solutions of the textbooks, on finer and finer grids."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from sympy import Expr, Rational, cos, exp, pi, sin, sqrt, tanh

from sim.verify.accuracy.manufactured import PLACE, TIME, Kind, Manufactured, sides
from sim.verify.accuracy.running import case_of
from sim.verify.accuracy.study import Study, Table

FAMILY = "exact solutions"
_X, _Y, _Z = PLACE.values()


def studies() -> Iterator[Study]:
    yield from _decaying()
    yield _slab()
    yield _barenblatt()
    yield from _fronts()
    yield from _cole_hopf()


def _decaying() -> Iterator[Study]:
    """Modes that fit between the walls; to them mirrored ghosts are right to every order."""
    sines = exp(-3 * pi**2 * TIME / 10) * sin(pi * _X) * sin(pi * _Y) * sin(pi * _Z)
    cosines = exp(-2 * pi**2 * TIME / 10) * cos(pi * _X) * cos(pi * _Y)
    heat = {"kind": "heat", "alpha": 0.1}
    yield _study("decaying sines, 3-D", 2, (12, 18, 27), {"u": sines}, heat, "dirichlet")
    yield _study("decaying cosines, order = 4", 4, (12, 18, 27), {"u": cosines}, heat, "neumann", scheme=4)


def _slab() -> Study:
    """A hot slab, insulated on one side and cooled by convection on the other, a while after it began to cool.

    Σ C exp(-μ²t) cos(μx), μ tan μ = Bi, C = 4 sin μ / (2μ + sin 2μ): Carslaw & Jaeger, Conduction of Heat in
    Solids, 1959, section 3.11.
    """
    biot, begun = 2.0, 0.05
    terms = []
    for root in (_root(biot, number) for number in range(6)):
        weight = 4 * math.sin(root) / (2 * root + math.sin(2 * root)) * math.exp(-(root**2) * begun)
        terms.append(f"({weight!r})*exp(-{root**2!r}*t)*cos({root!r}*x)")
    exact = " + ".join(terms)
    initial = exact.replace("*t)", "*0)")
    boundary = {"x": {"lower": "neumann", "upper": {"kind": "robin", "h": biot}}}
    time = {"end": 0.2, "integrator": "rk4"}

    def case(n: int) -> Table:
        equation = {"kind": "heat", "alpha": 1.0}
        return case_of({"x": n}, equation, {"u": initial}, boundary, time, exact={"u": exact})

    return Study(FAMILY, "cooling slab, Robin series", "space", 2, (12, 18, 27), case, quick=True)


def _root(biot: float, number: int) -> float:
    """The root of μ tan μ = Bi between number·π and (number + ½)π, by halving."""
    low, high = number * math.pi, (number + 0.5) * math.pi
    for _ in range(60):
        middle = (low + high) / 2
        beyond = middle * math.tan(middle) > biot
        low, high = (low, middle) if beyond else (middle, high)
    return low


def _barenblatt() -> Study:
    """∂u/∂t = ∇²(u²) from a point: s^(-1/3) max(C - ξ²/12, 0), ξ = x s^(-1/3), a front that runs at a finite speed.

    Barenblatt 1952; Vázquez, The Porous Medium Equation, 2006 (doi:10.1093/acprof:oso/9780198569039.001.0001), where
    s is the time since all was in the point.  The front is a kink: that costs half an order in l2.
    """
    half_way = 0.25 / 12
    exact = f"max({half_way!r} - x**2/(12*(1 + t)**(2/3)), 0)/(1 + t)**(1/3)"
    initial = f"max({half_way!r} - x**2/12, 0)"

    def case(n: int) -> Table:
        equation, time = {"kind": "porous-medium", "m": 2.0}, {"end": 1.0, "integrator": "rk4"}
        return case_of({"x": n}, equation, {"u": initial}, {"x": "neumann"}, time, exact={"u": exact})

    return Study(FAMILY, "Barenblatt's front", "space", 1.5, (40, 60, 90, 135), case, tolerance=0.25)


def _fronts() -> Iterator[Study]:
    """Ablowitz & Zeppetella 1979 (doi:10.1007/BF02462380), speed 5/√6; and the front of Allen and Cahn's equation."""
    fisher = (1 + exp((10 * _X - 5 - 5 * TIME / sqrt(6)) / sqrt(6))) ** -2
    phases = (1 - tanh((10 * _X - 5 - 3 * TIME / sqrt(2)) / (2 * sqrt(2)))) / 2
    far = {"end": 0.5, "integrator": "rk4"}
    written = {"u": "laplace(u)/100 + u*(1 - u)"}
    yield _study("Fisher–KPP front", 2, (32, 48, 72), {"u": fisher}, written, "dirichlet", time=far)
    built_in = {"kind": "allen-cahn", "diffusivity": 0.01}
    yield _study("Allen–Cahn front", 2, (24, 36, 54), {"u": phases}, built_in, "dirichlet", time=far)


def _cole_hopf() -> Iterator[Study]:
    """u = -2ν ∂φ/∂x / φ, φ a solution of the heat equation (Cole 1951, doi:10.1090/qam/42889; Hopf 1950).

    Waves that die away on a ring; and a layer that travels, which has no extremum for a limiter to cut.
    """
    nu = Rational(1, 20)
    heat = 2 + exp(-4 * pi**2 * nu * TIME) * cos(2 * pi * _X)
    layer = exp(-10 * (_X - Rational(1, 4)) + 100 * nu * TIME) + 1
    solutions: tuple[tuple[str, Expr, Kind, str, float], ...] = (
        ("Burgers, Cole–Hopf waves, central", heat, "periodic", "central", 0.1),
        ("Burgers, Cole–Hopf layer, limited", layer, "dirichlet", "limited", 0.15),
    )
    for name, phi, kind, scheme, tolerance in solutions:
        u = -2 * nu * phi.diff(_X) / phi
        equation = {"kind": "burgers", "viscosity": float(nu), "scheme": scheme}
        time = {"end": 0.2, "integrator": "ssprk3"}
        yield _study(name, 2, (64, 96, 144), {"u": u}, equation, kind, time=time, tolerance=tolerance)


def _study(
    name: str,
    order: float,
    sizes: tuple[int, ...],
    fields: Mapping[str, Expr],
    equation: Mapping[str, Any],
    kind: Kind,
    *,
    time: Mapping[str, Any] | None = None,
    scheme: int = 2,
    **more: Any,
) -> Study:
    u = fields["u"]
    axes = "".join(axis for axis in "xyz" if PLACE[axis] in u.free_symbols)
    problem = Manufactured(fields, {}, axes)
    boundary = {axis: sides(kind, u, axis) if kind == "dirichlet" else kind for axis in axes}
    taken = time or {"end": 0.1, "integrator": "rk4"}

    def case(n: int) -> Table:
        cells = {axis: n if axis == "x" else n * 4 // 3 for axis in axes}
        numerics = {"order": scheme}
        return case_of(cells, equation, problem.initial(), boundary, taken, exact=problem.exact(), numerics=numerics)

    return Study(FAMILY, name, "space", order, sizes, case, **more)
