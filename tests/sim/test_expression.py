"""Formulas: what they compute, that they compute it to the bit everywhere, and what they refuse."""

import math
import pickle
import string
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from sim.expression import MAX_DEPTH, MAX_LENGTH, Formula, FormulaError

# ----------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1.0),
        ("1_000 + 0x10", 1016.0),
        ("-2**2", -4.0),
        ("2**-1", 0.5),
        ("2**3**2", 512.0),
        ("7 // 2 + 7 % 2 - +1", 3.0),
        ("-7 // 2", -4.0),
        ("-7 % 3", 2.0),
        ("1 - 2 - 3", -4.0),
        ("2 * pi - 2*pi + e - e", 0.0),
        ("1 < 2 < 3", 1.0),
        ("1 < 2 > 3", 0.0),
        ("(1 < 2) + (3 > 2) + (1 == 1)", 3.0),
        ("-(1 < 2)", -1.0),
        ("(1 < 2) == (2 < 1)", 0.0),
        ("3 if 1 != 1 else 4 if 1 >= 2 else 5", 5.0),
        ("not 1 < 2", 0.0),
        ("1 < 2 and 2 < 3 and not 3 < 2", 1.0),
        ("1 > 2 or 2 <= 2", 1.0),
        ("(1 < 2) & (2 < 1) | (1 < 2)", 1.0),
        ("min(3, 1, 2) + 10*max(3, 1, 2)", 31.0),
        ("min(1 < 2, 2)", 1.0),
        ("where(1 < 2 and 3 < 4, 5, 1/0)", 5.0),
        ("step(-1) + 10*step(0) + 100*step(1)", 110.0),
        ("heaviside(-1) + heaviside(0) + heaviside(0, 2)", 2.5),
        ("sign(-3) + abs(-3) + floor(-0.5) + ceil(0.5)", 2.0),
        ("hypot(3, 4) + atan2(0, 1) + sqrt(16)", 9.0),
        ("  \t 1 \t", 1.0),
    ],
)
def test_a_constant_formula_gives_its_value_without_dimensions(text: str, expected: float) -> None:
    result = Formula.parse(text)()
    assert result.shape == ()
    assert result.dtype == np.float64
    assert result == expected


FUNCTIONS: dict[str, tuple[Callable[..., float], float]] = {
    **{name: (getattr(math, name), 0.3) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp")},
    **{name: (getattr(math, name), 0.7) for name in ("log", "log10", "sqrt", "asin", "acos", "atan", "erf")},
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_those_of_math(name: str) -> None:
    function, at = FUNCTIONS[name]
    assert float(Formula.parse(f"{name}(x)", ("x",))(x=at)) == pytest.approx(function(at), rel=1e-15)


@pytest.mark.parametrize("text", ["1/0", "log(0)", "0/0", "sqrt(-1)", "exp(1000)", "1 % 0", "(0-8)**(1/3)"])
def test_what_has_no_finite_value_is_silent_and_not_finite(text: str) -> None:
    assert not np.isfinite(Formula.parse(text)())


def test_coordinates_broadcast_and_only_names_that_are_used_are_needed() -> None:
    formula = Formula.parse("x + 10*y", ("x", "y", "z", "t"))
    assert formula.names == {"x", "y"}
    x, y = np.arange(3.0).reshape(3, 1), np.arange(2).reshape(1, 2)
    np.testing.assert_array_equal(formula(x=x, y=y), [[0, 10], [1, 11], [2, 12]])
    with pytest.raises(ValueError, match="needs a value for y"):
        formula(x=x)
    with pytest.raises(TypeError, match="complex128"):
        formula(x=x, y=1j)


def test_the_result_is_never_the_argument() -> None:
    x = np.arange(3.0)
    Formula.parse("x", ("x",))(x=x)[:] = 7
    np.testing.assert_array_equal(x, [0, 1, 2])


def test_deep_in_branches_an_argument_is_evaluated_once() -> None:
    text = "x"
    for _ in range(MAX_DEPTH - 2):  # 2**48 evaluations, if the middle of a chain were evaluated twice
        text = f"0<({text})<9"
    assert Formula.parse(text, ("x",))(x=0.5) == 1


def test_equal_hashed_and_pickled_by_text_and_variables() -> None:
    formula = Formula.parse("sin(x)", ("x", "t"))
    assert formula == Formula("sin(x)", ("x", "t"))
    assert formula != Formula.parse("sin(x)", ("x",))
    copy = pickle.loads(pickle.dumps(formula))
    assert copy == formula
    assert hash(copy) == hash(formula)
    assert copy(x=1.0) == formula(x=1.0)
    assert repr(formula) == "Formula(text='sin(x)', variables=('x', 't'))"


# Operations that IEEE 754 rounds exactly: equal to Python's own, to the bit.
_NUMBERS = st.integers(0, 20).map(str) | st.floats(0, 50, allow_subnormal=False).map(repr)
_LEAVES = st.sampled_from(["x", "y", "pi"]) | _NUMBERS


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    comparison = st.tuples(inner, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), inner).map(" ".join)
    chain = st.tuples(inner, st.just("<"), inner, st.just(">="), inner).map(" ".join)
    joined = st.tuples(comparison | chain, st.sampled_from(["and", "or", "and not"]), comparison).map(" ".join)
    truth = comparison | chain | joined
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "%", "//"]), inner).map(" ".join),
        inner.map(lambda a: f"({a})"),
        inner.map(lambda a: f"-{a}"),
        truth.map(lambda a: f"({a})"),
        st.tuples(inner, truth, inner).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda p: f"{p[0]}({p[1]}, {p[2]})"),
        st.tuples(st.sampled_from(["abs", "sqrt", "floor"]), inner).map(lambda p: f"{p[0]}({p[1]})"),
    )


_PYTHON = {
    "__builtins__": {},
    "abs": abs,
    "min": min,
    "max": max,
    "pi": math.pi,
    "sqrt": math.sqrt,
    "floor": lambda x: float(math.floor(x)),
}


@settings(max_examples=150, deadline=None)
@given(st.recursive(_LEAVES, _larger, max_leaves=12), st.floats(-9, 9), st.floats(-9, 9))
def test_random_formulas_equal_python(text: str, x: float, y: float) -> None:
    assume(len(text) < MAX_LENGTH)
    try:
        expected = float(eval(text, dict(_PYTHON), {"x": x, "y": y}))
    except (ArithmeticError, ValueError):
        reject()
    assume(math.isfinite(expected))
    assert float(Formula.parse(text, ("x", "y"))(x=x, y=y)) == expected


# ---------------------------------------------------------------------------------------------- the same bits

STEADY = [
    *(f"{name}(x + y)" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "atan", "erf")),
    *(f"{name}(abs(x + y) / 50)" for name in ("log", "log10", "sqrt", "asin", "acos")),
    *(
        "atan2(x, y)",
        "hypot(x, y)",
        "abs(x)**y",
        "y**abs(x)",
        "x**3",
        "x**-2.5",
        "2**x",
        "x**2",
        "(x+y)**0.5",
    ),
    *("exp(-x**2) * sin(3*pi*y) + log(2)", "x % 1.3 + y // 0.7", "exp(x)", "sin(y)"),
]


def _bits(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values).view(np.int64)


@pytest.mark.parametrize("text", STEADY)
def test_a_block_has_the_bits_of_the_whole(text: str) -> None:
    formula = Formula.parse(text, ("x", "y"))
    x = (np.arange(67) + 0.5) * 0.37 - 11.0
    y = (np.arange(45) + 0.5) * 0.25 - 3.125  # holds 2 exactly, where a power may become a product
    x, y = x[:, None], y[None, :]
    assert 2.0 in y
    whole = np.broadcast_to(formula(x=x, y=y), (67, 45))
    for rows, columns in _blocks(67, 45):
        expected = whole[rows, columns]
        block = np.broadcast_to(formula(x=x[rows], y=y[:, columns]), expected.shape)
        np.testing.assert_array_equal(_bits(block), _bits(expected))


def _blocks(n: int, m: int) -> list[tuple[slice, slice]]:
    rows = np.index_exp[0:1, 3:4, 5:16, 1:n, n - 1 : n, 0:n:7, ::-1]
    columns = np.index_exp[0:m, 20:21, 2:9, m - 1 : m, 1:m:3, ::-2]
    return [(r, c) for r in rows for c in columns]


@pytest.mark.parametrize("text", STEADY)
def test_strides_alignment_and_dimensions_leave_the_bits(text: str) -> None:
    formula = Formula.parse(text, ("x", "y"))
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-20, 20, (2, 101))
    straight = _bits(formula(x=x, y=y) + np.zeros(101))
    for layout in (_column, _reversed, _unaligned, _swapped):
        np.testing.assert_array_equal(_bits(formula(x=layout(x), y=layout(y)) + np.zeros(101)), straight)
    one_by_one = np.array([formula(x=a, y=b) for a, b in zip(x.tolist(), y.tolist(), strict=True)])
    np.testing.assert_array_equal(_bits(one_by_one), straight)


def _column(a: np.ndarray) -> np.ndarray:
    return np.repeat(a[:, None], 5, axis=1)[:, 2]


def _reversed(a: np.ndarray) -> np.ndarray:
    return a[::-1].copy()[::-1]


def _unaligned(a: np.ndarray) -> np.ndarray:
    moved = np.zeros(a.nbytes + 1, np.uint8)[1:].view(np.float64)
    moved[:] = a
    return moved


def _swapped(a: np.ndarray) -> np.ndarray:
    return a.astype(a.dtype.newbyteorder())


def test_a_neighbour_without_a_finite_value_changes_nobody() -> None:
    formula = Formula.parse("exp(x) + sin(x) + abs(x)**1.7 + tanh(x)", ("x",))
    x = np.random.default_rng(2).uniform(-5, 5, 64)
    clean = _bits(formula(x=x))
    for special in (np.nan, np.inf, -np.inf, 1e300, 5e-324, 0.0):
        spoilt = x.copy()
        spoilt[5::8] = special
        others = np.arange(64) % 8 != 5
        np.testing.assert_array_equal(_bits(formula(x=spoilt))[others], clean[others])


# -------------------------------------------------------------------------------------------------------- JAX


def test_jax_numpy_gives_the_same_numbers_traced_and_differentiated() -> None:
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    text = "where(x > 0.5, erf(x) + x**3, exp(-x)) + min(x, t, 2) + (x < t < 3) + heaviside(x-t)*hypot(x, t)"
    formula = Formula.parse(text, ("x", "t"))
    x = np.linspace(0.1, 2.0, 7)
    traced = jax.jit(lambda x, t: formula.evaluate({"x": x, "t": t}, jnp))(jnp.asarray(x, jnp.float32), 1.0)
    assert traced.dtype == jnp.float32
    np.testing.assert_allclose(traced, formula(x=x, t=1.0), rtol=1e-5)
    slope = jax.grad(lambda x: Formula.parse("x**3", ("x",)).evaluate({"x": x}, jnp))(-2.0)
    assert slope == 12.0
    assert Formula.parse("pi + sin(0)").evaluate({}, jnp).shape == ()


def test_a_formula_by_numpy_loads_no_jax() -> None:
    code = "import sys, sim.expression as m; m.Formula.parse('erf(1)')(); assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# --------------------------------------------------------------------------------------------------- refusals


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
