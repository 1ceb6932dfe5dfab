"""Right-hand sides: formulas that may differentiate."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from sim.expression.reader import Reader
from sim.expression.tree import Node, Number, Operation, Variable
from sim.expression.words import FUNCTIONS

AXES = ("x", "y", "z")
DIFFERENCES = (
    "laplace",
    *(f"d_d{axis}" for axis in AXES),
    *(f"d2_d{axis}2" for axis in AXES),
)
OPERATORS = (*DIFFERENCES, "grad_squared", "div")
MAX_ORDER = 4
"""Derivatives within derivatives: each takes a layer of ghosts or two."""


class DifferentialReader(Reader):
    """Reads laplace(e), d_dx(e), d2_dx2(e), grad_squared(e) and div(k * grad(e)) too, along the axes that there are."""

    def __init__(self, text: str, variables: tuple[str, ...], axes: tuple[str, ...]) -> None:
        super().__init__(text, variables)
        missing = set(AXES) - set(axes)
        self.operators = [name for name in OPERATORS if not (name.startswith("d") and name.strip("d2_") in missing)]
        self.functions = (*FUNCTIONS, *self.operators)
        self._order = 0

    def _call(self, node: ast.Call, depth: int) -> Node:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "grad":
            self._fail("grad() outside a divergence; write div(k * grad(u)), or d_dx(u)", node)
        if name not in OPERATORS:
            return super()._call(node, depth)
        if name not in self.operators:
            self._fail(f"{name}() along an axis that the grid doesn't have; known: {', '.join(self.operators)}", node)
        if node.keywords or len(node.args) != 1:
            self._fail(f"{name}() with {len(node.args)} arguments; it takes 1 argument", node)
        order = 1 if name.startswith("d_d") or name == "grad_squared" else 2
        self._order += order
        if self._order > MAX_ORDER:
            self._fail(f"derivatives of an order above {MAX_ORDER} within one another; name a field for a part", node)
        args = self._flux(node.args[0], depth + 1) if name == "div" else (self._number(node.args[0], depth + 1),)
        self._order -= order
        return Operation(name, args)

    def _flux(self, node: ast.expr, depth: int) -> tuple[Node, Node]:
        """k and u of a flux k * grad(u), whatever the order of the factors."""
        gradients = [factor for factor, _ in _factors(node, 1) if _is_gradient(factor)]
        if len(gradients) != 1 or len(gradients[0].args) != 1 or gradients[0].keywords:
            self._fail("div() of something else than a coefficient times one gradient; write div(k * grad(u))", node)
        k: Node = Number(1.0)
        for factor, sign in _factors(node, 1):
            if factor is gradients[0]:
                if sign < 0:
                    self._fail("a division by grad(); write div(k * grad(u))", factor)
                continue
            read = self._number(factor, depth + 1)
            first = k == Number(1.0) and sign > 0
            k = read if first else Operation("multiply" if sign > 0 else "divide", (k, read))
        return k, self._number(gradients[0].args[0], depth + 1)

    _READERS: ClassVar[Mapping[type[ast.expr], Callable[..., Any]]] = {**Reader._READERS, ast.Call: _call}


def has_operator(node: Node) -> bool:
    """Whether a tree differentiates."""
    if isinstance(node, Number | Variable):
        return False
    return (isinstance(node, Operation) and node.op in OPERATORS) or any(map(has_operator, node.args))


def _factors(node: ast.expr, sign: int) -> Iterator[tuple[Any, int]]:
    """The factors of a product, and whether they multiply (1) or divide (-1)."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        yield from _factors(node.left, sign)
        yield from _factors(node.right, sign if isinstance(node.op, ast.Mult) else -sign)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield ast.copy_location(ast.Constant(-1.0), node), 1
        yield from _factors(node.operand, sign)
    else:
        yield node, sign


def _is_gradient(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "grad"
