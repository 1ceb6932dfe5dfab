"""Formulas in a case → functions, by a whitelist over the syntax tree; the text is never executed.

`ast.parse` only reads.  Every node of its tree must be on the list below, and what is on the list becomes
one of four small nodes of our own (number, variable, comparison, operation of a table): those are evaluated.
"""

from __future__ import annotations

import ast
import functools
import importlib
import itertools
import keyword
import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

MAX_LENGTH = 2000
MAX_DEPTH = 50
MAX_NODES = 1000
MAX_EXPONENT = 64.0

CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e}


class FormulaError(ValueError):
    """A formula outside the whitelist: the fact, the value, the remedy, and a caret under the character."""


@dataclass(frozen=True)
class _Function:
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


FUNCTIONS: Mapping[str, _Function] = {
    **{name: _Function(name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log")},
    **{name: _Function(name) for name in ("log10", "sqrt", "abs", "sign", "floor", "ceil", "erf", "step")},
    "asin": _Function("arcsin"),
    "acos": _Function("arccos"),
    "atan": _Function("arctan"),
    "atan2": _Function("arctan2", 2, 2),
    "hypot": _Function("hypot", 2, 2),
    "heaviside": _Function("heaviside", 1, 2),
    "min": _Function("minimum", 2, None),
    "max": _Function("maximum", 2, None),
    "where": _Function("where", 3, 3),
}

_ARITHMETIC: Mapping[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "remainder",
    ast.Pow: "power",
}
_LOGIC: Mapping[type[ast.operator | ast.boolop], str] = {
    ast.BitAnd: "logical_and",
    ast.BitOr: "logical_or",
    ast.And: "logical_and",
    ast.Or: "logical_or",
}
_COMPARISONS: Mapping[type[ast.cmpop], str] = {
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
}
_CONDITIONS = frozenset({*_LOGIC.values(), "logical_not"})

# What people write for something else: node type → the fact and the remedy.
_REFUSALS: Mapping[type[ast.AST], str] = {
    ast.BitXor: "'^' is not a power; write ** for a power",
    ast.Invert: "'~' is not allowed; write 'not' in front of a comparison",
    ast.MatMult: "'@' is not allowed; write * for a product",
    ast.Attribute: "a dot after a name is not allowed; write sin(x), not math.sin(x)",
    ast.JoinedStr: "text is not allowed; write numbers and names without quotes",
    ast.Subscript: "an index is not allowed; use x, y, z themselves",
    ast.NamedExpr: "an assignment is not allowed; write the value where it is used",
    ast.Starred: "a star in front of an argument is not allowed; write each argument",
    ast.Tuple: "a comma outside a function's parentheses is not allowed; write one formula",
}


# --------------------------------------------------------------------------------------------------- the tree


@dataclass(frozen=True, slots=True)
class _Number:
    value: float


@dataclass(frozen=True, slots=True)
class _Variable:
    name: str


@dataclass(frozen=True, slots=True)
class _Operation:
    op: str
    args: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Comparison:
    """args[0] ops[0] args[1] ops[1] args[2] …, each argument evaluated once."""

    ops: tuple[str, ...]
    args: tuple[_Node, ...]


_Node = _Number | _Variable | _Operation | _Comparison


def _is_condition(node: _Node) -> bool:
    return isinstance(node, _Comparison) or (isinstance(node, _Operation) and node.op in _CONDITIONS)


def _names(node: _Node) -> frozenset[str]:
    if isinstance(node, _Variable):
        return frozenset({node.name})
    args = () if isinstance(node, _Number) else node.args
    return frozenset[str]().union(*(_names(arg) for arg in args))


# ------------------------------------------------------------------------------------------------ the formula


@dataclass(frozen=True)
class Formula:
    """A validated formula in some variables; equal, hashed and pickled by `text` and `variables`.

    `names` holds the variables that the formula really uses: `evaluate` needs only those.
    Raises FormulaError for a text outside the whitelist, ValueError for unusable variable names.
    """

    text: str
    variables: tuple[str, ...]
    names: frozenset[str] = field(init=False, repr=False, compare=False)
    _tree: _Node = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "variables", tuple(self.variables))
        _check_variables(self.variables)
        object.__setattr__(self, "_tree", _Reader(self.text, self.variables).formula())
        object.__setattr__(self, "names", _names(self._tree))

    @classmethod
    def parse(cls, text: str, variables: tuple[str, ...] = ()) -> Formula:
        """`text` as a formula in `variables`; FormulaError points at what is wrong with it."""
        return cls(text, variables)

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickle holds the text alone: what comes out of it has been through the whitelist again.
        return (Formula, (self.text, self.variables))

    def __call__(self, /, **values: Any) -> NDArray[np.float64]:
        """Evaluate by numpy, the variables given by name; see `evaluate`."""
        result: NDArray[np.float64] = self.evaluate(values)
        return result

    def evaluate(self, values: Mapping[str, Any], xp: ModuleType = np) -> Any:
        """Return a new array of the broadcast shape of the variables used (0-d if none is).

        `values` holds real scalars or broadcastable arrays, for `names` at least.  `xp` is numpy (a float64
        result, non-finite where the mathematics is: the caller checks) or jax.numpy (dtypes by its rules).
        With numpy an element depends on its own variables alone, to the bit: not on shape, strides or blocks.
        Raises ValueError for a missing value, TypeError for one that is not of real numbers.
        """
        missing = sorted(self.names - values.keys())
        if missing:
            raise ValueError(f"formula {self.text!r} needs a value for {', '.join(missing)}; give it one")
        used = {name: _as_operand(name, values[name], xp) for name in self.names}
        with np.errstate(all="ignore"):
            result = _evaluate(self._tree, used, xp)
        # numpy: a copy, lest somebody changes the coordinates through the result of the formula "x".
        return np.array(result, dtype=np.float64) if xp is np else xp.asarray(result)


def _check_variables(variables: tuple[str, ...]) -> None:
    for name in variables:
        if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name):
            raise ValueError(f"{name!r} cannot name a variable of a formula; use ASCII letters, digits and _")
        if name in FUNCTIONS or name in CONSTANTS:
            kind = "function" if name in FUNCTIONS else "constant"
            raise ValueError(f"variable {name!r} has the name of a {kind} of formulas; choose another name")
    if len(set(variables)) < len(variables):
        raise ValueError(f"variables {', '.join(variables)} hold a name twice; give each once")


# ------------------------------------------------------------------------------------------- reading the text


class _Reader:
    """One text on its way to a tree; every refusal knows its column."""

    def __init__(self, text: str, variables: tuple[str, ...]) -> None:
        self.text = text
        self.variables = variables
        self.shift = len(text) - len(text.lstrip(" \t"))  # what ast.parse does not see

    def formula(self) -> _Node:
        self._check_characters()
        tree = self._parse()
        nodes = sum(1 for node in ast.walk(tree) if isinstance(node, ast.expr))
        if nodes > MAX_NODES:
            raise FormulaError(f"the formula has {nodes} parts, more than {MAX_NODES}; shorten it")
        return self._number(tree, 1)

    def _fail(self, message: str, at: ast.AST | int) -> NoReturn:
        """Raise with `message`, "the fact; the remedy", and a caret under the character."""
        column = at if isinstance(at, int) else getattr(at, "col_offset", 0) + self.shift
        fact, _, remedy = message.partition("; ")
        start = max(0, column - 60)  # a window, so that the caret of a long formula stays in sight
        shown = "".join(c if c.isprintable() else " " for c in self.text[start : start + 100])
        place = f"in formula at column {column + 1}"
        raise FormulaError(f"{fact} {place}; {remedy}\n    {shown}\n    {' ' * (column - start)}^")

    def _check_characters(self) -> None:
        if len(self.text) > MAX_LENGTH:
            size = len(self.text)
            raise FormulaError(f"the formula has {size} characters, more than {MAX_LENGTH}; shorten it")
        if not self.text.strip():
            raise FormulaError("the formula is empty; write a number or an expression: 0 or sin(pi*x)")
        for column, char in enumerate(self.text):
            # ASCII alone: columns are then characters, and no two spellings mean one name.
            if char in "\r\n":
                self._fail("a line break; write the formula on one line", column)
            if char == "#":
                self._fail("a comment; write comments outside the formula", column)
            if not (" " <= char <= "~" or char == "\t"):
                self._fail(f"character {char!a}; use plain ASCII: pi, *, -, **", column)

    def _parse(self) -> ast.expr:
        source = self.text.replace("\t", " ").strip()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # advice to programmers, such as "invalid decimal literal"
                return ast.parse(source, mode="eval").body
        except SyntaxError as error:
            reason = (error.msg or "invalid syntax").split(". ")[0]
            offset = error.offset or len(source) + 1  # 0: the text ends too early
            column = min(offset - 1 + self.shift, len(self.text))
            problem = f"cannot read this ({reason}); check operators and parentheses"
        except (MemoryError, RecursionError):
            problem, column = self._too_deep(), self.shift
        except ValueError as error:
            problem, column = f"cannot read this ({error}); check the numbers", self.shift
        return self._fail(problem, column)

    @staticmethod
    def _too_deep() -> str:
        return f"nested more than {MAX_DEPTH} deep; simplify it, or split a long sum by parentheses"

    def _number(self, node: ast.expr, depth: int) -> _Node:
        """The node as a number: a condition counts 1 where it holds and 0 elsewhere."""
        read = self._read(node, depth)
        return _Operation("as_number", (read,)) if _is_condition(read) else read

    def _condition(self, node: ast.expr, depth: int) -> _Node:
        read = self._read(node, depth)
        if not _is_condition(read):
            self._fail("a number where a condition is wanted; write (x > 0), with parentheses at & and |", node)
        return read

    def _read(self, node: ast.expr, depth: int) -> _Node:
        if depth > MAX_DEPTH:
            self._fail(self._too_deep(), node)
        reader = self._READERS.get(type(node))
        if reader is None:
            self._refuse(node, node)
        read: _Node = reader(self, node, depth)
        return read

    def _refuse(self, what: ast.AST, at: ast.AST | int) -> NoReturn:
        other = f"{type(what).__name__} is not allowed; use numbers, names, operators and functions"
        self._fail(_REFUSALS.get(type(what), other), at)

    def _constant(self, node: ast.Constant, _depth: int) -> _Node:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self._fail(f"a {type(value).__name__} is not allowed; use real numbers", node)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self._fail("a number too large; use one below 1.8e308", node)
        return _Number(number)

    def _name(self, node: ast.Name, _depth: int) -> _Node:
        name = node.id
        if name in self.variables:
            return _Variable(name)
        if name in CONSTANTS:
            return _Number(CONSTANTS[name])
        if name in FUNCTIONS:
            self._fail(f"{name!r} is a function; give it {FUNCTIONS[name].takes()} in parentheses", node)
        known = ", ".join([*self.variables, *CONSTANTS, *FUNCTIONS])
        return self._fail(f"unknown name {name[:40]!r}; known: {known}", node)

    def _unary(self, node: ast.UnaryOp, depth: int) -> _Node:
        if isinstance(node.op, ast.Not):
            return _Operation("logical_not", (self._condition(node.operand, depth + 1),))
        if not isinstance(node.op, (ast.UAdd, ast.USub)):
            self._refuse(node.op, node)
        operand = self._number(node.operand, depth + 1)
        return _Operation("negative", (operand,)) if isinstance(node.op, ast.USub) else operand

    def _binary(self, node: ast.BinOp, depth: int) -> _Node:
        kind = type(node.op)
        if kind in _LOGIC:
            return _Operation(_LOGIC[kind], self._conditions((node.left, node.right), depth + 1))
        if kind not in _ARITHMETIC:
            after_left = self.text[(node.left.end_col_offset or 0) + self.shift :]
            self._refuse(node.op, len(self.text) - len(after_left.lstrip(" \t)")))
        left, right = self._number(node.left, depth + 1), self._number(node.right, depth + 1)
        if kind is ast.Pow and not _names(right):
            return self._constant_power(left, right, node.right)
        return _Operation(_ARITHMETIC[kind], (left, right))

    def _joined(self, node: ast.BoolOp, depth: int) -> _Node:
        return _Operation(_LOGIC[type(node.op)], self._conditions(node.values, depth + 1))

    def _conditions(self, nodes: Iterable[ast.expr], depth: int) -> tuple[_Node, ...]:
        return tuple(self._condition(node, depth) for node in nodes)

    def _choice(self, node: ast.IfExp, depth: int) -> _Node:
        test = self._condition(node.test, depth + 1)
        branches = (self._number(node.body, depth + 1), self._number(node.orelse, depth + 1))
        return _Operation("where", (test, *branches))

    def _constant_power(self, base: _Node, exponent: _Node, at: ast.AST) -> _Node:
        with np.errstate(all="ignore"):
            value = float(_evaluate(exponent, {}, np))
        if not abs(value) <= MAX_EXPONENT:  # so written, NaN is caught too
            self._fail(f"exponent {value:g} is too large; keep it within -{MAX_EXPONENT:g} to {MAX_EXPONENT:g}", at)
        # x**2 is x*x, exactly rounded; decided here: numpy decides by the exponent's type and strides.
        square = 2.0
        if value == square:
            return _Operation("square", (base,))
        return _Operation("power", (base, _Number(value)))

    def _comparison(self, node: ast.Compare, depth: int) -> _Node:
        for op, right in zip(node.ops, node.comparators, strict=True):
            if type(op) not in _COMPARISONS:
                self._fail("'is' and 'in' are not allowed; compare by <, <=, >, >=, ==, !=", right)
        args = tuple(self._number(arg, depth + 1) for arg in (node.left, *node.comparators))
        return _Comparison(tuple(_COMPARISONS[type(op)] for op in node.ops), args)

    def _call(self, node: ast.Call, depth: int) -> _Node:
        name = self._function_name(node)
        self._check_arguments(name, node)
        first = self._condition if name == "where" else self._number
        rest = (self._number(arg, depth + 1) for arg in node.args[1:])
        return _Operation(FUNCTIONS[name].op, (first(node.args[0], depth + 1), *rest))

    def _function_name(self, node: ast.Call) -> str:
        if isinstance(node.func, ast.Attribute):
            self._refuse(node.func, node.func)
        if not isinstance(node.func, ast.Name):
            self._fail("only functions can be called; write * for a product", node)
        name = node.func.id
        if name in self.variables or name in CONSTANTS:
            self._fail(f"{name!r} is not a function; write {name}*(…) for a product", node)
        if name not in FUNCTIONS:
            self._fail(f"unknown function {name[:40]!r}; known: {', '.join(FUNCTIONS)}", node)
        return name

    def _check_arguments(self, name: str, node: ast.Call) -> None:
        function, given = FUNCTIONS[name], len(node.args)
        if node.keywords:
            self._fail(f"{name}() with an argument by name; write the arguments in order", node.keywords[0])
        if given < function.fewest or (function.most is not None and given > function.most):
            self._fail(f"{name}() with {given} arguments; it takes {function.takes()}", node)

    _READERS: ClassVar[Mapping[type[ast.expr], Callable[..., Any]]] = {
        ast.Constant: _constant,
        ast.Name: _name,
        ast.UnaryOp: _unary,
        ast.BinOp: _binary,
        ast.BoolOp: _joined,
        ast.Compare: _comparison,
        ast.IfExp: _choice,
        ast.Call: _call,
    }


# ------------------------------------------------------------------------------------------------- evaluation

# Functions of two arguments that take more by folding.
_FOLDED = frozenset({"minimum", "maximum", "logical_and", "logical_or"})

# Rounded by the mathematics library, not by IEEE 754: see `_steady`.
_ROUNDED = frozenset(
    {"sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh"}
    | {"exp", "log", "log10", "hypot", "power"}
)
_LANES = 64


def _steady(ufunc: Callable[..., Any], *args: Any) -> Any:
    """`ufunc` of broadcastable float64 arguments, each element to the bit independent of where it lies.

    numpy has several loops for one function and chooses by strides, shape and dtype: with AVX-512 a strided
    argument's exp, log, cosh, tan, … differ from a contiguous one's in the last bit, and a power whose
    exponent has stride 0 may become a product.  So every argument is laid out in full, contiguous, padded to
    whole vectors: one loop, no remainder.  (+ - * / sqrt floor … are exact by IEEE 754 in any loop.)
    """
    shape = np.broadcast_shapes(*(np.shape(arg) for arg in args))
    size = math.prod(shape)
    laid_out = []
    for arg in args:
        buffer = np.ones(-(-size // _LANES) * _LANES)
        buffer[:size].reshape(shape)[...] = arg
        laid_out.append(buffer)
    return ufunc(*laid_out)[:size].reshape(shape)


def _power(xp: ModuleType, base: Any, exponent: Any) -> Any:
    if xp is np:
        return _steady(np.power, base, exponent)
    # JAX multiplies out an integer exponent, and differentiates it, where it sees an int.
    whole = isinstance(exponent, float) and exponent.is_integer()
    return xp.power(base, int(exponent) if whole else exponent)


def _erf(xp: ModuleType, x: Any) -> Any:
    if xp is np:
        flat = np.ravel(x)
        return np.fromiter(map(math.erf, flat.tolist()), np.float64, flat.size).reshape(np.shape(x))
    # Found by name: a formula by numpy, the usual case, then never loads JAX.
    return importlib.import_module("jax.scipy.special").erf(x)


def _heaviside(xp: ModuleType, x: Any, at_zero: Any = 0.5) -> Any:
    return xp.heaviside(x, at_zero)


_SPECIAL: Mapping[str, Callable[..., Any]] = {
    "power": _power,
    "erf": _erf,
    "heaviside": _heaviside,
    "step": lambda xp, x: xp.heaviside(x, 1.0),
    "square": lambda xp, x: xp.multiply(x, x),
    "as_number": lambda xp, condition: xp.where(condition, 1.0, 0.0),
}


def _evaluate(node: _Node, values: Mapping[str, Any], xp: ModuleType) -> Any:
    if isinstance(node, _Number):
        return node.value  # a Python float: weakly typed for JAX; xp.divide and the like never raise for it
    if isinstance(node, _Variable):
        return values[node.name]
    args = [_evaluate(arg, values, xp) for arg in node.args]
    if isinstance(node, _Comparison):
        pairs = zip(node.ops, itertools.pairwise(args), strict=True)
        return functools.reduce(xp.logical_and, [getattr(xp, op)(*pair) for op, pair in pairs])
    if node.op in _SPECIAL:
        return _SPECIAL[node.op](xp, *args)
    function = getattr(xp, node.op)  # a name of the tables above, never of the text
    if node.op in _FOLDED:
        return functools.reduce(function, args)
    return _steady(function, *args) if xp is np and node.op in _ROUNDED else function(*args)


def _as_operand(name: str, value: Any, xp: ModuleType) -> Any:
    array = xp.asarray(value)
    real = array.dtype.kind in "biuf" if xp is np else not xp.iscomplexobj(array)
    if not real:
        raise TypeError(f"variable {name!r} holds {array.dtype} values; a formula takes real numbers")
    return array.astype(np.float64, copy=False) if xp is np else array
