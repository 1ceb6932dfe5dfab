"""Steps as long as their errors allow: the controller, the pair, and the march that every block agrees on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers.adaptive import AdaptiveMarch, Controller, Pace
from solvers.boundary import Dirichlet, Neumann, Periodic
from solvers.integrators import BOGACKI_SHAMPINE, Explicit
from solvers.measures import magnitudes

Heated = Callable[..., Any]
CONTROLLER = Controller(order=3)


def sudden(wall: Any) -> Any:
    """A wall that is heated within a thousandth of the unit of time, at t = 0.01."""
    return jnp.tanh(2e3 * (wall.time - 0.01)).astype(wall.mirror.dtype)


def arguments(run: Any, adaptive: AdaptiveMarch, u: np.ndarray) -> tuple[Any, dict[str, Any]]:
    buffers, coefficients, _ = run.arguments(u, 0.0)
    return adaptive.buffers({"u": buffers.now["u"]}), coefficients


def march(
    heat: Heated, u: np.ndarray, tolerance: float, *, until: float = 0.03, chunk: int = 10**6, **place: Any
) -> tuple[np.ndarray, dict[str, Any]]:
    """A field that decays between walls of all kinds, one of them sudden, and the sum of what was said."""
    sides = [(Dirichlet(sudden), Neumann(0.3)), (Periodic(), Periodic()), (Dirichlet(0.0),) * 2][: u.ndim]
    run = heat(u.shape, sides, (0.1, 0.15, 0.2)[: u.ndim], scheme=BOGACKI_SHAMPINE, **place)
    adaptive = AdaptiveMarch(run.march, tolerance)
    program = run.transport.compile(adaptive.advance, donate=(0,))
    buffers, coefficients = arguments(run, adaptive, u)
    pace, told = Pace(jnp.float64(0.0), jnp.float64(1e-4), jnp.int64(0)), {"taken": 0, "rejected": 0}
    while float(pace.time) < until:
        buffers, said = program(buffers, coefficients, pace, jnp.float64(until), jnp.int64(chunk))
        pace = Pace(*(said[name] for name in Pace._fields))
        told = {**said, **{name: told[name] + int(said[name]) for name in ("taken", "rejected")}}
        assert not said["failed"] and said["taken"] <= chunk
    return run.whole(buffers), told


# ------------------------------------------------------------------------------------------------- controller


def test_logarithms_are_exact_where_powers_are() -> None:
    powers = np.array([-9, -1, 0, 1, 12])
    assert [int(CONTROLLER.logarithm(jnp.float64(2.0**p))) for p in powers] == [32 * p for p in powers]
    errors = np.geomspace(1e-12, 1e12, 501)
    found = np.array([int(CONTROLLER.logarithm(jnp.float64(e))) for e in errors[::25]])
    np.testing.assert_array_equal(found, np.floor(32 * np.log2(errors[::25])))


@pytest.mark.parametrize("error", [math.nan, math.inf])
def test_what_is_not_finite_is_tried_again_with_a_fifth(error: float) -> None:
    power = CONTROLLER.after_failure(CONTROLLER.logarithm(jnp.float64(error)))
    assert float(CONTROLLER.times(jnp.float64(1.0), power)) == pytest.approx(0.2, rel=0.01)


def test_steps_follow_from_errors() -> None:
    def after(success: bool, error: float, before: float = 0.5) -> float:
        here, last = (CONTROLLER.logarithm(jnp.float64(e)) for e in (error, before))
        power = CONTROLLER.after_success(here, last) if success else CONTROLLER.after_failure(here)
        return float(CONTROLLER.times(jnp.float64(1.0), power))

    assert after(True, 1e-30) == pytest.approx(5.0, rel=0.01) and after(False, 1e30) == pytest.approx(0.2, rel=0.01)
    assert after(True, 0.1, 0.3) == pytest.approx(0.9 * 0.1**-0.2 * 0.3 ** (1 / 15), rel=0.03)
    assert after(False, 8.0) == pytest.approx(0.45, rel=0.03) and after(False, 1.0001) < 1.0
    assert after(True, 0.9) < after(True, 0.5) < after(True, 0.01)


# ------------------------------------------------------------------------------------------------------- pair


def test_the_pair_is_the_published_tableau() -> None:
    """On u' = λu, by Butcher's matrix of 1989, both of its rows of weights."""
    z = np.array([0.3, -0.7, 0.4j, -0.2 + 0.5j])
    k1 = z
    k2 = z * (1 + k1 / 2)
    k3 = z * (1 + 3 / 4 * k2)
    third = 1 + 2 / 9 * k1 + 1 / 3 * k2 + 4 / 9 * k3
    second = 1 + 7 / 24 * k1 + 1 / 4 * k2 + 1 / 3 * k3 + 1 / 8 * z * third
    np.testing.assert_allclose(BOGACKI_SHAMPINE.amplification(z), third, rtol=1e-15)
    error = BOGACKI_SHAMPINE.error
    assert error is not None
    difference = error.now * third + error.start + error.first * z + error.rate * z * third
    np.testing.assert_allclose(difference, third - second, atol=1e-16)
    assert BOGACKI_SHAMPINE.times == (0.0, 0.5, 0.75)


# -------------------------------------------------------------------------------------------------- magnitudes


@pytest.mark.parametrize("shape", [(7,), (7, 5), (4, 5, 3)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["serial", "virtual"])
def test_magnitudes_are_those_of_what_counts(
    shape: tuple[int, ...], dtype: str, name: Any, transport_of: Callable[..., Any], place: Callable[..., Any]
) -> None:
    """Ghosts and padding hold what they like."""
    transport = transport_of(shape, 1, name, **({"blocks": 3} if name == "virtual" else {}))

    def largest(block: Any, exchange: Any, u: Any) -> Any:
        owned = jnp.zeros(u.shape, bool).at[block.interior].set(jnp.broadcast_to(block.owned(), block.shape))
        return (), magnitudes([jnp.where(owned, u, jnp.nan), 2 * u], block, exchange)

    u = np.random.default_rng(2).standard_normal(shape).astype(dtype)
    for value in (-9.0, np.nan, -np.inf):
        u[(-1,) * len(shape)] = value
        found = np.asarray(transport.compile(largest)(place(transport, u))[1])
        if np.isfinite(value):
            np.testing.assert_array_equal(found, [9.0, 18.0])
        else:
            assert not np.isfinite(found).any()


# ------------------------------------------------------------------------------------------------------- march

PLACES: list[dict[str, Any]] = [
    {"depth": 4},
    {"depth": 3, "name": "virtual", "blocks": 3},
    {"depth": 2, "name": "xla", "devices": 2},
    {"depth": 6, "tile": (3,)},
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("shape", "dtype", "tolerance"),
    [((41,), "float64", 1e-6), ((29, 23), "float32", 1e-4), ((13, 12, 11), "float64", 1e-5)],
    ids=str,
)
def test_all_blocks_agree_on_every_step(shape: tuple[int, ...], dtype: str, tolerance: float, heat: Heated) -> None:
    """To the bit, chunk by chunk or at once; a sudden wall has steps rejected."""
    u = np.random.default_rng(5).standard_normal(shape).astype(dtype)
    expected, told = march(heat, u, tolerance)
    assert told["rejected"] > 0 and told["shortest"] < told["longest"] / 5 and float(told["time"]) == 0.03
    for place in PLACES:
        found, same = march(heat, u, tolerance, chunk=7, **place)
        np.testing.assert_array_equal(found, expected)
        assert all(same[name] == told[name] for name in ("taken", "rejected", "step", "error"))


@pytest.mark.long
def test_the_error_is_of_the_order_of_the_tolerance(heat: Heated) -> None:
    u = np.sin(np.arange(24) * 0.2)
    errors = []
    exact, _ = march(heat, u, 1e-12, until=0.02)
    tolerances = np.array([1e-4, 1e-5, 1e-6, 1e-7, 1e-8])
    for tolerance in tolerances:
        errors.append(np.abs(march(heat, u, tolerance, until=0.02)[0] - exact).max())
    assert np.polyfit(np.log(tolerances), np.log(errors), 1)[0] == pytest.approx(1.0, abs=0.15)
    assert max(errors / tolerances) < 20


def test_where_no_step_will_do_the_fields_stay(heat: Heated) -> None:
    """Not even the smallest: a coefficient that is not a number.  Nothing is taken, nothing changed."""
    run = heat((16,), [(Periodic(), Periodic())], (0.1,), scheme=BOGACKI_SHAMPINE)
    u = np.cos(np.arange(16.0))
    adaptive = AdaptiveMarch(run.march, 1e-6)
    buffers, _ = arguments(run, adaptive, u)
    pace = Pace(jnp.float64(0.0), jnp.float64(1e-3), jnp.int64(0))
    program = run.transport.compile(adaptive.advance)
    buffers, said = program(buffers, {"alpha": jnp.float64(np.nan)}, pace, jnp.float64(1.0), jnp.int64(100))
    assert said["failed"] and said["taken"] == 0 and said["rejected"] < 20 and not np.isfinite(said["missed"])
    np.testing.assert_array_equal(np.asarray(buffers.now["u"])[1:-1], u)


def test_a_try_that_overflows_is_forgotten(heat: Heated) -> None:
    """The first step leads beyond all numbers; what it left in memory is nothing to those after it."""
    run = heat((16,), [(Periodic(), Periodic())], (0.1,), scheme=BOGACKI_SHAMPINE)
    adaptive = AdaptiveMarch(run.march, 1e-3)
    buffers, coefficients = arguments(run, adaptive, 1e34 * np.cos(np.arange(16.0)).astype("float32"))
    pace = Pace(jnp.float64(0.0), jnp.float64(1.0), jnp.int64(0))
    program = run.transport.compile(adaptive.advance)
    buffers, said = program(buffers, coefficients, pace, jnp.float64(1.0), jnp.int64(3))
    assert said["rejected"] > 2 and said["taken"] == 3 and np.isfinite(run.whole(buffers)).all()


@pytest.mark.parametrize("tolerance", [1e-2, 1e-6])
def test_a_step_evaluates_three_times(tolerance: float, heat: Heated) -> None:
    """Rejected ones too; and once where a call begins."""
    run = heat((16,), [(Periodic(), Periodic())], (0.1,), scheme=BOGACKI_SHAMPINE)
    calls: list[int] = []

    class Counted(type(run.march.step.equation)):  # type: ignore[misc]
        def tendency(self, patch: Any) -> Any:
            jax.debug.callback(lambda: calls.append(1))
            return super().tendency(patch)

    equation = Counted(run.march.step.equation.form)
    counted = replace(run.march, step=Explicit(equation, BOGACKI_SHAMPINE))
    adaptive = AdaptiveMarch(counted, tolerance)
    buffers, coefficients = arguments(run, adaptive, np.cos(np.arange(16.0)))
    pace = Pace(jnp.float64(0.0), jnp.float64(1e-2), jnp.int64(0))
    _, said = run.transport.compile(adaptive.advance)(buffers, coefficients, pace, jnp.float64(1.0), jnp.int64(9))
    jax.effects_barrier()
    assert len(calls) == 1 + 3 * (int(said["taken"]) + int(said["rejected"]))


def test_no_step_is_longer_than_allowed(heat: Heated) -> None:
    run = heat((16,), [(Periodic(), Periodic())], (0.1,), scheme=BOGACKI_SHAMPINE)
    adaptive = AdaptiveMarch(run.march, 0.1, longest=1e-3)
    buffers, coefficients = arguments(run, adaptive, np.ones(16))
    pace = Pace(jnp.float64(0.0), jnp.float64(1e-5), jnp.int64(0))
    said = run.transport.compile(adaptive.advance)(buffers, coefficients, pace, jnp.float64(0.1), jnp.int64(999))[1]
    assert said["longest"] == 1e-3 and said["time"] == 0.1 and said["rejected"] == 0


def test_times_that_are_up_leave_no_tiny_rest(heat: Heated) -> None:
    """What is left is halved where one step falls short of it, and the step that is wanted is remembered."""
    run = heat((16,), [(Periodic(), Periodic())], (0.1,), scheme=BOGACKI_SHAMPINE)
    adaptive = AdaptiveMarch(run.march, 0.1, longest=1e-3)
    buffers, coefficients = arguments(run, adaptive, np.ones(16))
    pace = Pace(jnp.float64(0.0), jnp.float64(1e-3), jnp.int64(0))
    program = run.transport.compile(adaptive.advance)
    said = program(buffers, coefficients, pace, jnp.float64(1.0001e-3), jnp.int64(999))[1]
    assert said["taken"] == 2 and said["shortest"] == said["longest"] == 1.0001e-3 / 2
    said = program(buffers, coefficients, pace, jnp.float64(1e-6), jnp.int64(999))[1]
    assert said["taken"] == 1 and said["longest"] == 1e-6 and said["step"] == 1e-3
