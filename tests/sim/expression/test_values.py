"""What formulas compute: as Python does, by numpy and by JAX."""

import math
import pickle
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from sim.expression import MAX_DEPTH, MAX_LENGTH, Formula

# --------------------------------------------------------------------------------------------------------------- values


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


# ------------------------------------------------------------------------------------------------------------------ JAX


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
