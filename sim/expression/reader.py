"""Text → tree, by a whitelist over Python's syntax tree; every refusal points at its character."""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NoReturn

import numpy as np

from sim.expression.evaluation import evaluate
from sim.expression.tree import Comparison, Node, Number, Operation, Variable, is_condition, names_in
from sim.expression.words import ARITHMETIC, COMPARISONS, CONSTANTS, FUNCTIONS, LOGIC

MAX_LENGTH = 2000
MAX_DEPTH = 50
MAX_NODES = 1000
MAX_EXPONENT = 64.0

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


class FormulaError(ValueError):
    """A formula outside the whitelist: the fact, the value, the remedy, and a caret under the character."""


class Reader:
    """One text on its way to a tree; every refusal knows its column."""

    functions: tuple[str, ...] = tuple(FUNCTIONS)
    """Names of all that can be called."""

    def __init__(self, text: str, variables: tuple[str, ...]) -> None:
        self.text = text
        self.variables = variables
        self.shift = len(text) - len(text.lstrip(" \t"))  # what ast.parse does not see

    def formula(self) -> Node:
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

    def _number(self, node: ast.expr, depth: int) -> Node:
        """The node as a number: a condition counts 1 where it holds and 0 elsewhere."""
        read = self._read(node, depth)
        return Operation("as_number", (read,)) if is_condition(read) else read

    def _condition(self, node: ast.expr, depth: int) -> Node:
        read = self._read(node, depth)
        if not is_condition(read):
            self._fail("a number where a condition is wanted; write (x > 0), with parentheses at & and |", node)
        return read

    def _read(self, node: ast.expr, depth: int) -> Node:
        if depth > MAX_DEPTH:
            self._fail(self._too_deep(), node)
        reader = self._READERS.get(type(node))
        if reader is None:
            self._refuse(node, node)
        read: Node = reader(self, node, depth)
        return read

    def _refuse(self, what: ast.AST, at: ast.AST | int) -> NoReturn:
        other = f"{type(what).__name__} is not allowed; use numbers, names, operators and functions"
        self._fail(_REFUSALS.get(type(what), other), at)

    def _constant(self, node: ast.Constant, _depth: int) -> Node:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self._fail(f"a {type(value).__name__} is not allowed; use real numbers", node)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self._fail("a number too large; use one below 1.8e308", node)
        return Number(number)

    def _name(self, node: ast.Name, _depth: int) -> Node:
        name = node.id
        if name in self.variables:
            return Variable(name)
        if name in CONSTANTS:
            return Number(CONSTANTS[name])
        if name in FUNCTIONS:
            self._fail(f"{name!r} is a function; give it {FUNCTIONS[name].takes()} in parentheses", node)
        known = ", ".join([*self.variables, *CONSTANTS, *self.functions])
        return self._fail(f"unknown name {name[:40]!r}; known: {known}", node)

    def _unary(self, node: ast.UnaryOp, depth: int) -> Node:
        if isinstance(node.op, ast.Not):
            return Operation("logical_not", (self._condition(node.operand, depth + 1),))
        if not isinstance(node.op, (ast.UAdd, ast.USub)):
            self._refuse(node.op, node)
        operand = self._number(node.operand, depth + 1)
        return Operation("negative", (operand,)) if isinstance(node.op, ast.USub) else operand

    def _binary(self, node: ast.BinOp, depth: int) -> Node:
        kind = type(node.op)
        if kind in LOGIC:
            return Operation(LOGIC[kind], self._conditions((node.left, node.right), depth + 1))
        if kind not in ARITHMETIC:
            after_left = self.text[(node.left.end_col_offset or 0) + self.shift :]
            self._refuse(node.op, len(self.text) - len(after_left.lstrip(" \t)")))
        left, right = self._number(node.left, depth + 1), self._number(node.right, depth + 1)
        if kind is ast.Pow and not names_in(right):
            return self._constant_power(left, right, node.right)
        return Operation(ARITHMETIC[kind], (left, right))

    def _joined(self, node: ast.BoolOp, depth: int) -> Node:
        return Operation(LOGIC[type(node.op)], self._conditions(node.values, depth + 1))

    def _conditions(self, nodes: Iterable[ast.expr], depth: int) -> tuple[Node, ...]:
        return tuple(self._condition(node, depth) for node in nodes)

    def _choice(self, node: ast.IfExp, depth: int) -> Node:
        test = self._condition(node.test, depth + 1)
        branches = (self._number(node.body, depth + 1), self._number(node.orelse, depth + 1))
        return Operation("where", (test, *branches))

    def _constant_power(self, base: Node, exponent: Node, at: ast.AST) -> Node:
        with np.errstate(all="ignore"):
            value = float(evaluate(exponent, {}, np))
        if not abs(value) <= MAX_EXPONENT:  # so written, NaN is caught too
            self._fail(f"exponent {value:g} is too large; keep it within -{MAX_EXPONENT:g} to {MAX_EXPONENT:g}", at)
        # x**2 is x*x, exactly rounded; decided here: numpy decides by the exponent's type and strides.
        square = 2.0
        if value == square:
            return Operation("square", (base,))
        return Operation("power", (base, Number(value)))

    def _comparison(self, node: ast.Compare, depth: int) -> Node:
        for op, right in zip(node.ops, node.comparators, strict=True):
            if type(op) not in COMPARISONS:
                self._fail("'is' and 'in' are not allowed; compare by <, <=, >, >=, ==, !=", right)
        args = tuple(self._number(arg, depth + 1) for arg in (node.left, *node.comparators))
        return Comparison(tuple(COMPARISONS[type(op)] for op in node.ops), args)

    def _call(self, node: ast.Call, depth: int) -> Node:
        name = self._function_name(node)
        self._check_arguments(name, node)
        first = self._condition if name == "where" else self._number
        rest = (self._number(arg, depth + 1) for arg in node.args[1:])
        return Operation(FUNCTIONS[name].op, (first(node.args[0], depth + 1), *rest))

    def _function_name(self, node: ast.Call) -> str:
        if isinstance(node.func, ast.Attribute):
            self._refuse(node.func, node.func)
        if not isinstance(node.func, ast.Name):
            self._fail("only functions can be called; write * for a product", node)
        name = node.func.id
        if name in self.variables or name in CONSTANTS:
            self._fail(f"{name!r} is not a function; write {name}*(…) for a product", node)
        if name not in FUNCTIONS:
            self._fail(f"unknown function {name[:40]!r}; known: {', '.join(self.functions)}", node)
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
