"""The method of manufactured solutions: a solution is chosen, and the problem made that it solves.

Roache, Code verification by the method of manufactured solutions (doi:10.1115/1.1436090).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import sympy
from sympy import Expr, Symbol

from sim.expression import RightSide
from sim.expression.differential import OPERATORS
from sim.expression.tree import Node, Number, Operation, Variable

PLACE: Mapping[str, Symbol] = {name: Symbol(name, real=True) for name in "xyz"}
TIME = Symbol("t", real=True)

_ONE = sympy.Integer(1)
_ARITHMETIC: Mapping[str, Callable[..., Expr]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "negative": operator.neg,
    "square": lambda u: u**2,
}


def text(expression: Expr) -> str:
    """As a formula of a case."""
    return str(sympy.sstr(expression))


@dataclass(frozen=True)
class Manufactured:
    """Fields chosen as functions of x, y, z, t, and the right-hand sides of the equation that they do not solve.

    rates: field → f of ∂u/∂t = f, as text.  What f lacks, `source`, makes the fields the equation's solution.
    axes: "x", "xy" or "xyz".
    """

    fields: Mapping[str, Expr]
    rates: Mapping[str, str]
    axes: str

    def source(self, field: str = "u", scale: Expr = _ONE) -> str:
        """∂u/∂t - f, times `scale`, with the chosen fields in it."""
        right_side = RightSide(self.rates[field], tuple(self.fields), (), tuple(reversed(self.axes)))
        missing = sympy.diff(self.fields[field], TIME) - self._meaning(right_side.tree)
        return text(missing * scale)

    def written(self) -> dict[str, str]:
        """[equation] in formulas."""
        return {field: f"{rate} + ({self.source(field)})" for field, rate in self.rates.items()}

    def exact(self) -> dict[str, str]:
        return {field: text(u) for field, u in self.fields.items()}

    def initial(self) -> dict[str, str]:
        return {field: text(u.subs(TIME, 0)) for field, u in self.fields.items()}

    def _meaning(self, node: Node) -> Expr:
        if isinstance(node, Number):
            return sympy.nsimplify(node.value, rational=True)
        if isinstance(node, Variable):
            return {**PLACE, "t": TIME, **self.fields}[node.name]
        assert isinstance(node, Operation)
        args = [self._meaning(arg) for arg in node.args]
        if node.op in _ARITHMETIC:
            return _ARITHMETIC[node.op](*args)
        return self._derivative(node.op, *args) if node.op in OPERATORS else getattr(sympy, node.op)(*args)

    def _derivative(self, op: str, *args: Expr) -> Expr:
        places = [PLACE[axis] for axis in self.axes]
        last = args[-1]
        if op == "laplace":
            return sum(sympy.diff(last, x, 2) for x in places)
        if op == "div":
            return sum(sympy.diff(args[0] * sympy.diff(last, x), x) for x in places)
        if op == "grad_squared":
            return sum(sympy.diff(last, x) ** 2 for x in places)
        return sympy.diff(last, PLACE[op[4]], 2) if op.startswith("d2") else sympy.diff(last, PLACE[op[3]])


Conductivity: TypeAlias = Expr | Mapping[str, Expr]
Kind = Literal["periodic", "dirichlet", "neumann", "robin", "radiation", "outflow"]

_TRANSFER = sympy.Rational(3, 2)


def side(kind: Kind, u: Expr, axis: str, outwards: int, k: Conductivity = _ONE) -> dict[str, Any]:
    """The boundary of a kind that u obeys at a side, `outwards` being -1 at the lower and 1 at the upper one.

    k: of the flux k ∂u/∂n, or, by axis s, A_ns of the flux Σ A_ns ∂u/∂s.
    """
    row = k if isinstance(k, Mapping) else {axis: k}
    flux = outwards * sum(entry * sympy.diff(u, PLACE[along]) for along, entry in row.items())
    found: dict[str, Any] = {"kind": kind}
    if kind == "dirichlet":
        found |= {"value": text(u)}
    elif kind == "neumann":
        found |= {"flux": text(flux)}
    elif kind == "robin":
        found |= {"h": float(_TRANSFER), "ambient": text(u + flux / _TRANSFER)}
    elif kind == "radiation":
        found |= {"emissivity": 0.5, "sigma": 0.25, "ambient": text((u**4 + 8 * flux) ** sympy.Rational(1, 4))}
    return found


def sides(kind: Kind, u: Expr, axis: str, k: Conductivity = _ONE, upper: Kind | None = None) -> dict[str, Any]:
    """Both of an axis; `upper` where that is of another kind."""
    return {"lower": side(kind, u, axis, -1, k), "upper": side(upper or kind, u, axis, 1, k)}
