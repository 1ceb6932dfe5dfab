"""What is no formula is refused where it stands, whatever it is."""

import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.expression import MAX_DEPTH, MAX_LENGTH, Formula, FormulaError


def _refusal(text: str, variables: tuple[str, ...] = ("x", "y")) -> str:
    with pytest.raises(FormulaError) as caught:
        Formula.parse(text, variables)
    return str(caught.value)


def test_the_message_points_at_the_character() -> None:
    message, shown, caret = _refusal("sin(foo)").splitlines()
    assert message.startswith("unknown name 'foo' in formula at column 5; known: x, y, pi, e, sin, ")
    assert shown == "    sin(foo)"
    assert caret == "        ^"


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("   foo", 4, "unknown name"),
        ("\tfoo", 2, "unknown name"),
        ("x + (y ^ 2)", 8, "write **"),
        ("(x) @ y", 5, "write *"),
        ("x.real", 1, "write sin(x)"),
        ("math.sin(x)", 1, "write sin(x)"),
        ("sin(x", 4, "never closed"),
        ("x + ", 4, "cannot read"),
        ("x y", 3, "cannot read"),
        ("2*1e400", 3, "too large"),
        ("9**9**9", 4, "exponent 3.87"),
        ("x**65", 4, "exponent 65"),
        ("x**-(2*40)", 4, "exponent -80"),
        ("x**(0/0)", 5, "exponent nan"),
        ("1 + πx", 5, "plain ASCII"),
        ("1\n+x", 2, "one line"),
        ("x # y", 3, "comment"),
        ("x\0", 2, r"'\x00'"),
        ("x and y > 0", 1, "condition"),
        ("x > 0 & y > 0", 5, "parentheses at & and |"),
        ("where(x, 1, 2)", 7, "condition"),
        ("1 if x else 2", 6, "condition"),
        ("sin(x, y)", 1, "takes 1 argument"),
        ("atan2(x)", 1, "takes 2 arguments"),
        ("max(x)", 1, "takes 2 or more arguments"),
        ("1 + sin", 5, "'sin' is a function; give it 1 argument"),
        ("x(2)", 1, "write x*"),
        ("1,5", 1, "comma"),
    ],
)
def test_what_people_mistype_gets_a_remedy_and_a_caret(text: str, column: int, words: str) -> None:
    message = _refusal(text)
    lines = message.splitlines()
    assert len(lines) == 3
    assert f" in formula at column {column}; " in lines[0]
    assert words in lines[0].replace(f" in formula at column {column}", "")
    assert lines[2] == " " * (3 + column) + "^"


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "().__class__.__bases__",
        "x.__class__",
        "__class__",
        "__builtins__",
        "x[0]",
        "x[:]",
        "lambda: 1",
        "(lambda x: x)(1)",
        "[x for x in y]",
        "(x for x in y)",
        "{x: 1}",
        "{x}",
        "[x]",
        "(x, y)",
        "f'{x}'",
        "'x'",
        "b'x'",
        "'x' * 10**9",
        "(x := 1)",
        "sin(x=1)",
        "sin(**{})",
        "sin(*x)",
        "*x",
        "1j",
        "True",
        "None",
        "...",
        "await x",
        "yield",
        "x is y",
        "x in y",
        "~x",
        "x << 2",
        "not x",
        "eval(x)",
        "exec(x)",
        "open(x)",
        "sin()(x)",
        "x if y > 0 else 'a'",
        "import os",
        "x = 1",
        "x; y",
        "sin;",
        "",
        "  \t ",
        "\\",
        "x \\",
        "\ufeffx",
        "\uff53in(x)",  # a full-width s
        "x\u2028",
        "\ud800",
    ],
)
def test_nothing_outside_the_whitelist_gets_in(text: str) -> None:
    _refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "x" * (MAX_LENGTH + 1),
        "-" * (MAX_LENGTH - 1) + "x",
        "(" * 1000 + "x" + ")" * 999,
        "(" * (MAX_DEPTH + 1) + "-" * MAX_DEPTH + "x" + ")" * (MAX_DEPTH + 1),
        "2**" * 600 + "1",
        "+".join(["x"] * 999),
        "x," * 900,
        "not " * 490 + "x > 0",
        "x if x > 0 else " * 120 + "x",
        "sin(" * 150 + "x" + ")" * 150,
        "9" * (MAX_LENGTH - 1),
        "lambda:" * 250 + "x",
        "[" * 1999,
    ],
)
def test_large_and_deep_formulas_are_refused_by_a_short_message(text: str) -> None:
    assert all(len(line) < 600 for line in _refusal(text).splitlines())


def test_what_is_within_the_limits_is_evaluated() -> None:
    assert Formula.parse("-" * (MAX_DEPTH - 1) + "x", ("x",))(x=2.0) == -2.0
    assert Formula.parse("max(" + "x, " * 600 + "3)", ("x",))(x=2.0) == 3.0


@settings(max_examples=300, deadline=None)
@given(st.text("xy0123456789.+-*/%()<>=!&|,'\"[]{}:; \t\n\\#@~^_" + string.ascii_letters, max_size=40))
def test_any_text_is_a_formula_or_a_formula_error(text: str) -> None:
    try:
        formula = Formula.parse(text, ("x", "y"))
    except FormulaError:
        return
    assert formula(x=np.ones((2, 1)), y=2.0).dtype == np.float64


@pytest.mark.parametrize("name", ["sin", "pi", "e", "max", "a b", "lambda", "x.y", "π", "", "1x"])
def test_a_variable_shadows_nothing_and_is_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="variable"):
        Formula.parse("1", ("x", name))


def test_a_variable_is_given_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        Formula.parse("x", ("x", "x"))
