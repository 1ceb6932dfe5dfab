"""What must hold to rounding, or to the bit, on any grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from sim.verify.accuracy.running import case_of, solve
from sim.verify.accuracy.study import Check, Table

FAMILY = "invariants"
_ROUNDING = 1e-13
"""Of a mean over some hundred steps, relative to the largest value."""


def checks() -> Iterator[Check]:
    for ndim in (1, 2, 3):
        yield Check(
            FAMILY, f"FTCS, amplification of all modes, {ndim}-D", 1e-12, _measure(_amplification, ndim), ndim == 2
        )
    for name, equation in _CONSERVING.items():
        # What is transported leaves through walls.
        closed = name not in ("advection, limited", "Burgers")
        for kind in ("periodic", "neumann") if closed else ("periodic",):
            for order in _orders(name, kind):
                title, quick = f"{name}, integral, {_WORDS[kind]}{_of(order)}", name == "Cahn–Hilliard"
                yield Check(FAMILY, title, _ROUNDING, _measure(_loss, equation, kind, order), quick)
    for name, (equation, fields) in _SYMMETRIC.items():
        for order in _orders(name, "neumann"):
            quick = name == "heat, α(u)"
            yield Check(
                FAMILY, f"{name}, mirrored{_of(order)}", 0.0, _measure(_asymmetry, equation, fields, order), quick
            )
    for name, (built_in, written) in _TWICE.items():
        yield Check(FAMILY, f"{name}, built in and as text", 1e-13, _measure(_difference, built_in, written))


def _orders(name: str, kind: str) -> tuple[int, ...]:
    """Of differences: fluxes where k varies are forms of their own."""
    fluxes = name in ("heat, harmonic", "heat, α(u)", "diagonal tensor")
    return (2, 4) if fluxes or (name, kind) == ("anisotropic", "periodic") else (2,)


def _of(order: int) -> str:
    return "" if order == 2 else f", order = {order}"


_WORDS = {"periodic": "ring", "neumann": "closed"}

_CONSERVING: Mapping[str, Mapping[str, Any]] = {
    "heat, harmonic": {"kind": "heat", "alpha": "1/2 + x*y", "mean": "harmonic"},
    "heat, α(u)": {"kind": "heat", "alpha": "1/2 + u**2/8"},
    "anisotropic": {"kind": "anisotropic", "tensor": {"xx": "1 + x/2", "yy": "1 + y/2", "xy": "x*y/2"}},
    "diagonal tensor": {"kind": "anisotropic", "tensor": {"xx": "1 + x/2", "yy": "1 + y/2"}},
    "porous medium": {"kind": "porous-medium", "m": 3.0},
    "Cahn–Hilliard": {"kind": "cahn-hilliard", "gradient": 0.01},
    "advection, limited": {"kind": "advection-diffusion", "velocity": {"x": "1 + x*y", "y": -0.5}},
    "Burgers": {"kind": "burgers", "viscosity": 0.01},
}

_GRAY_SCOTT = {"kind": "gray-scott", "diffusivity_u": 0.02, "diffusivity_v": 0.01, "feed": 0.05, "kill": 0.06}
_NERVE = {"kind": "fitzhugh-nagumo", "diffusivity_u": 0.02, "diffusivity_v": 0.01}

_SYMMETRIC: Mapping[str, tuple[Mapping[str, Any], tuple[str, ...]]] = {
    "heat, α(u)": ({"kind": "heat", "alpha": "1/2 + u**2/8"}, ("u",)),
    "heat, harmonic": ({"kind": "heat", "alpha": "1 + (x - 1/2)**2 + (y - 1/2)**2", "mean": "harmonic"}, ("u",)),
    "diagonal tensor": ({"kind": "anisotropic", "tensor": {"xx": 0.5, "yy": 0.25}}, ("u",)),
    "Gray–Scott": (_GRAY_SCOTT, ("u", "v")),
    "Cahn–Hilliard": ({"kind": "cahn-hilliard", "gradient": 0.01}, ("u",)),
    "wave": ({"kind": "wave", "speed": 1.0, "damping": 0.5}, ("u", "v")),
    "porous medium": ({"kind": "porous-medium", "m": 2.0}, ("u",)),
}

_TWICE: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "Gray–Scott": (
        _GRAY_SCOTT,
        {"u": "0.02*laplace(u) - u*v**2 + 0.05*(1 - u)", "v": "0.01*laplace(v) + u*v**2 - 0.11*v"},
    ),
    "FitzHugh–Nagumo": (
        _NERVE,
        {"u": "0.02*laplace(u) + u - u**3/3 - v", "v": "0.01*laplace(v) + 0.08*(u + 0.7 - 0.8*v)"},
    ),
    "Cahn–Hilliard": ({"kind": "cahn-hilliard", "gradient": 0.01}, {"u": "laplace(u**3 - u - 0.01*laplace(u))"}),
    "Allen–Cahn": ({"kind": "allen-cahn", "diffusivity": 0.02}, {"u": "0.02*laplace(u) + u - u**3"}),
}


def _measure(function: Callable[..., float], *arguments: Any) -> Callable[[], float]:
    return lambda: function(*arguments)


def _amplification(ndim: int) -> float:
    """The largest difference of a mode's factor a step from 1 - 4αΔt Σ sin²(kh/2)/h²."""
    cells = dict(zip("xyz"[:ndim], (16, 10, 6), strict=False))
    step = 0.2 / sum(n**2 for n in cells.values())
    # A spike holds all modes alike.
    spike = " & ".join(f"({axis} < {1 / n!r})" for axis, n in cells.items())
    initial = f"where({spike}, 1, 0)"
    time = {"end": step, "step": step, "integrator": "euler"}
    case = case_of(cells, {"kind": "heat", "alpha": 1.0}, {"u": initial}, dict.fromkeys(cells, "periodic"), time)
    found = solve(case)
    factors = np.fft.fftn(found.last["u"]) / np.fft.fftn(found.first["u"])
    sines = [n**2 * np.sin(np.pi * np.arange(n) / n) ** 2 for n in reversed(cells.values())]
    return float(np.abs(factors - (1.0 - 4.0 * step * sum(np.meshgrid(*sines, indexing="ij")))).max())


def _loss(equation: Mapping[str, Any], kind: str, order: int) -> float:
    """The change of the mean of u, relative to its largest value."""
    found = solve(_some(equation, ("u",), kind, "2 + sin(2*pi*x + 1)*cos(4*pi*y) + x*(1 - x)*y", order))
    first, last = found.first["u"], found.last["u"]
    assert np.ptp(last - first) > 1e-3, "nothing has happened that could lose anything"
    return abs(math.fsum(last.ravel()) - math.fsum(first.ravel())) / (first.size * float(np.abs(first).max()))


def _asymmetry(equation: Mapping[str, Any], fields: tuple[str, ...], order: int) -> float:
    """The largest difference of a field from its mirror images, of one that was equal to them."""
    found = solve(_some(equation, fields, "neumann", "1 + exp(-8*((x - 1/2)**2 + (y - 1/2)**2))", order))
    assert all(np.ptp(found.last[name] - found.first[name]) > 1e-4 for name in fields), "nothing has happened"
    images = [(u, np.flip(u, axis)) for u in found.last.values() for axis in (0, 1)]
    return max(float(np.abs(u - image).max()) for u, image in images)


def _difference(built_in: Mapping[str, Any], written: Mapping[str, Any]) -> float:
    """The largest between the fields of both."""
    fields = tuple(written)
    ends = [solve(_some(equation, fields, "neumann", "x*y + cos(6*x)/2")).last for equation in (built_in, written)]
    return max(float(np.abs(ends[0][name] - ends[1][name]).max()) for name in fields)


def _some(equation: Mapping[str, Any], fields: tuple[str, ...], kind: str, initial: str, order: int = 2) -> Table:
    """A hundred steps or so, on a grid of two spacings."""
    initials = {name: f"({initial})*{1 / (number + 1)!r}" for number, name in enumerate(fields)}
    # With powers of two for cells mirrored coordinates are the same to the bit.
    time = {"end": 0.01, "integrator": "ssprk3"}
    numerics = {"order": order}
    return case_of({"x": 32, "y": 16}, equation, initials, {"x": kind, "y": kind}, time, numerics=numerics)
