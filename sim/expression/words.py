"""The words that formulas know, and the operations that they stand for."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass

CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e}


@dataclass(frozen=True)
class Function:
    """A function of the table: the operation it stands for, and how many arguments it takes."""

    op: str
    fewest: int = 1
    most: int | None = 1

    def takes(self) -> str:
        if self.most is None:
            return f"{self.fewest} or more arguments"
        if self.fewest == self.most:
            return f"{self.fewest} argument{'s' if self.fewest > 1 else ''}"
        return f"{self.fewest} to {self.most} arguments"


FUNCTIONS: Mapping[str, Function] = {
    **{name: Function(name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log")},
    **{name: Function(name) for name in ("log10", "sqrt", "abs", "sign", "floor", "ceil", "erf", "step")},
    "asin": Function("arcsin"),
    "acos": Function("arccos"),
    "atan": Function("arctan"),
    "atan2": Function("arctan2", 2, 2),
    "hypot": Function("hypot", 2, 2),
    "heaviside": Function("heaviside", 1, 2),
    "min": Function("minimum", 2, None),
    "max": Function("maximum", 2, None),
    "where": Function("where", 3, 3),
}

ARITHMETIC: Mapping[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "remainder",
    ast.Pow: "power",
}
LOGIC: Mapping[type[ast.operator | ast.boolop], str] = {
    ast.BitAnd: "logical_and",
    ast.BitOr: "logical_or",
    ast.And: "logical_and",
    ast.Or: "logical_or",
}
COMPARISONS: Mapping[type[ast.cmpop], str] = {
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
}
CONDITIONS = frozenset({*LOGIC.values(), "logical_not"})
