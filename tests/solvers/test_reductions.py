"""Sums that do not know how the grid is cut."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sim.transport import Transport
from sim.transport.collectives import NamedAxes
from solvers.block import Block
from solvers.exchange import Alone, Exchange
from solvers.measures import count_nonfinite, measure, norms
from solvers.reductions import exact_sum

COUNT = 48
SMALLEST = np.finfo(float).smallest_normal  # XLA on CPU flushes what is smaller to zero

# Normal numbers, of all magnitudes at once, whose sum does not overflow.
numbers = st.floats(-1e300, 1e300, allow_subnormal=False)
arrays = hnp.arrays(np.float64, COUNT, elements=numbers)


@cache
def summed_over(blocks: int) -> Callable[[np.ndarray], jax.Array]:
    """exact_sum of COUNT numbers spread over some blocks."""
    among = NamedAxes(("x",), (blocks,))
    mapped = jax.vmap(lambda x: exact_sum(x, COUNT, among), axis_name="x", out_axes=None)
    return jax.jit(lambda x: mapped(x.reshape(blocks, -1)))


def alone(x: Any, count: int | None = None) -> float:
    x = jnp.asarray(x)
    total = exact_sum(x, count or x.size, Alone())
    assert total.dtype == jnp.float64 and total.shape == ()
    return float(total)


def bound(x: np.ndarray) -> float:
    """count · 2^-(2·bits) · max|x| as documented; then the result's own rounding, and what XLA flushes to zero."""
    bits = 62 - max(1, x.size - 1).bit_length()
    documented = x.size * math.ldexp(float(np.abs(x).max()), -2 * bits)
    return documented + 2 * np.finfo(float).eps * abs(total(x)) + x.size * SMALLEST


def total(x: Any) -> float:
    """The sum, rounded once; math.fsum may overflow on its way to it."""
    return float(sum(Fraction(float(number)) for number in x))


@pytest.mark.long
@given(x=arrays, seed=st.integers(0, 999))
def test_neither_cut_nor_order_changes_a_bit(x: np.ndarray, seed: int) -> None:
    expected = summed_over(1)(x)
    shuffled = np.random.default_rng(seed).permutation(x)
    for blocks in (1, 2, 3, 8, 48):
        for numbers in (x, shuffled):
            assert summed_over(blocks)(numbers).tobytes() == expected.tobytes()


@given(x=arrays)
def test_it_is_as_accurate_as_documented(x: np.ndarray) -> None:
    assert abs(float(summed_over(1)(x)) - math.fsum(x)) <= bound(x)


@pytest.mark.parametrize("exponent", [-960, -900, -500, 0, 500, 1000])
@pytest.mark.parametrize("count", [10, 1000, 2**16])
def test_at_every_scale(count: int, exponent: int) -> None:
    """Accuracy is relative to the largest number, whatever its magnitude."""
    x = np.ldexp(np.random.default_rng(count).uniform(-1, 1, count), exponent)
    assert abs(alone(x) - math.fsum(x)) <= bound(x)


@pytest.mark.parametrize(
    "x",
    [
        [1e16, 1.0, -1e16],
        [1.0, 2.0**-70, -1.0],
        [1e300, 1e-300, -1e300, 3.0],
        [-0.1] * 10,
        [0.0, -0.0, 0.0],
        [0.1],
        [-1.7e308],
        [1.7e308, 1.7e308, -1.7e308],
        [5e-324, 2e-310],
        [SMALLEST, -SMALLEST / 2],
    ],
    ids=str,
)
def test_hard_cases(x: list[float]) -> None:
    assert abs(alone(x) - total(x)) <= bound(np.array(x))


@pytest.mark.parametrize("count", [1, 10**6, 10**12])
def test_zeros_and_one_number(count: int) -> None:
    assert alone(np.zeros(5), count) == 0.0
    # Rounded to the grid of that many numbers, twice.
    assert alone([0.1], count) == pytest.approx(0.1, rel=count * 2.0 ** (-2 * (62 - count.bit_length())) + 2e-16)


def test_single_precision_is_summed_in_double() -> None:
    x = np.full(1000, 0.1, np.float32)
    assert alone(x) == math.fsum(x)


def test_any_shape_and_nothing_at_all() -> None:
    assert alone(np.arange(24.0).reshape(2, 3, 4)) == 276.0
    assert alone(np.zeros((0, 3)), 5) == 0.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_shows(bad: float) -> None:
    for blocks in (1, 8):
        for place in (0, 20, COUNT - 1):
            x = np.ones(COUNT)
            x[place] = bad
            assert not math.isfinite(summed_over(blocks)(x))
    assert not math.isfinite(alone([math.inf, -math.inf]))


# ------------------------------------------------------------------------------- over the devices of a process


@pytest.fixture(scope="module")
def fields() -> np.ndarray:
    magnitudes = 10.0 ** np.random.default_rng(0).uniform(-9, 9, (10, 21))
    return magnitudes * np.random.default_rng(1).choice([-1, 1], magnitudes.shape)


def statistics(block: Block, exchange: Exchange, u: jax.Array) -> tuple[tuple[()], dict[str, Any]]:
    inside, owned = u[block.interior], block.owned()
    found = measure(u, block, 210, exchange)
    return (), {
        **found,
        "broken": count_nonfinite(u, block, exchange),
        "sum": exact_sum(jnp.where(owned, inside, 0.0), 210, exchange),
        "norms": norms(u, jnp.full_like(u, 3.0), block, 210, exchange),
    }


@pytest.mark.parametrize("zeros", [[0.0, 0.0], [-0.0, -0.0], [0.0, -0.0], [-0.0, 0.0]], ids=str)
def test_a_zero_that_is_an_extreme_has_no_sign(zeros: list[float]) -> None:
    found = measure(jnp.array(zeros), Block((2,), 0), 2, Alone())
    assert [math.copysign(1.0, found[name]) for name in ("min", "max", "mean")] == [1.0, 1.0, 1.0]
    assert found["min"] == found["max"] == found["mean"] == 0.0


@pytest.mark.parametrize("process_grid", [(1, 1), (1, 2), (2, 2), (8, 1), (2, 4)], ids=str)
def test_statistics_of_devices_equal_numpys(
    process_grid: tuple[int, int], fields: np.ndarray, transport_of: Callable[..., Transport], place: Any
) -> None:
    """Uneven blocks: what pads them must not count."""
    devices = int(np.prod(process_grid))
    transport = transport_of(fields.shape, 1, "xla", process_grid=process_grid, devices=devices)
    _, found = transport.compile(statistics)(place(transport, fields))
    total = math.fsum(fields.flat)
    assert (found["min"], found["max"], found["broken"]) == (fields.min(), fields.max(), 0)
    assert float(found["sum"]) == total and float(found["mean"]) == total / 210
    error = fields - 3.0
    assert found["norms"]["max"] == np.abs(error).max()
    # Of 210 squares, each rounded, and a root.
    assert float(found["norms"]["l2"]) == pytest.approx(math.sqrt((error**2).mean()), rel=1e-14)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("name", "wish"), [("xla", {"devices": 8}), ("virtual", {"blocks": 8})], ids=["xla", "virtual"]
)
def test_one_broken_cell_on_one_device_shows(
    name: str, wish: dict[str, int], bad: float, fields: np.ndarray, transport_of: Callable[..., Transport], place: Any
) -> None:
    transport = transport_of(fields.shape, 1, name, **wish)
    program = transport.compile(statistics)
    for cell in ((0, 0), (5, 10), (9, 20)):
        broken = fields.copy()
        broken[cell] = bad
        _, found = program(place(transport, broken))
        assert found["broken"] == 1
        assert not math.isfinite(found["sum"]) and not math.isfinite(found["mean"])
        assert not math.isfinite(found["norms"]["max"])
