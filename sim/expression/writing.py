"""Tree → text: what the reader would read as the same tree."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from sim.expression.tree import Comparison, Node, Number, Operation, Variable
from sim.expression.words import ARITHMETIC, COMPARISONS, FUNCTIONS, LOGIC

_SIGNS: dict[type[ast.AST], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//"}
_SIGNS |= {ast.Mod: "%", ast.Pow: "**", ast.And: "and", ast.Or: "or"}
_SIGNS |= {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_TABLES: tuple[Mapping[Any, str], ...] = (ARITHMETIC, LOGIC, COMPARISONS)
_BETWEEN = {op: _SIGNS[kind] for table in _TABLES for kind, op in table.items() if kind in _SIGNS}
_CALLED = {function.op: name for name, function in FUNCTIONS.items()}


def text_of(node: Node, numbers: Mapping[str, float]) -> str:
    """A formula, parenthesised in full, that gives the values of a tree; `numbers` stand for the variables named so."""
    if isinstance(node, Variable):
        return _number(numbers[node.name]) if node.name in numbers else node.name
    if isinstance(node, Number):
        return _number(node.value)
    args = [text_of(arg, numbers) for arg in node.args]
    if isinstance(node, Comparison):
        rest = (f"{_BETWEEN[op]} {arg}" for op, arg in zip(node.ops, args[1:], strict=True))
        return f"({' '.join([args[0], *rest])})"
    return _operation(node, args)


def _operation(node: Operation, args: list[str]) -> str:
    match node.op:
        case "as_number":
            return f"where({args[0]}, 1.0, 0.0)"
        case "square":
            return f"({args[0]}**2)"
        case "negative":
            return f"(-{args[0]})"
        case "logical_not":
            return f"(not {args[0]})"
    if node.op in _BETWEEN:
        return f"({f' {_BETWEEN[node.op]} '.join(args)})"
    return f"{_CALLED[node.op]}({', '.join(args)})"


def _number(value: float) -> str:
    return repr(value) if value >= 0 else f"({value!r})"
