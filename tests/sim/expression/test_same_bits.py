"""A cell's value is the same to the bit, whatever array it is computed in."""

import numpy as np
import pytest

from sim.expression import Formula

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
