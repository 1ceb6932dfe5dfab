"""Loops that become one native function, and those that must not."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from solvers.native_loop import native_loop

State = tuple[jax.Array, jax.Array]
Body = Callable[[jax.Array, State, jax.Array], State]

cpu_only = pytest.mark.skipif(jax.default_backend() != "cpu", reason="reads what XLA compiles for the CPU")
N = 48


def two_ways(body: Body, count: Any = None) -> tuple[Callable[..., State], Callable[..., State]]:
    """A program of some fields, a number and a coefficient, by native loop and by JAX's own."""

    def program(loop: Callable[..., State], u: jax.Array, v: jax.Array, k: jax.Array, n: jax.Array) -> State:
        return loop(n if count is None else count, lambda i, state: body(i, state, k), (u, v))

    def plain(n: Any, *rest: Any) -> Any:
        return lax.fori_loop(0, n, *rest)

    return (lambda *arguments: program(native_loop, *arguments)), (lambda *arguments: program(plain, *arguments))


def arguments(of: Callable[[Any], Any] = jnp.asarray) -> list[jax.Array]:
    rng = np.random.default_rng(1)
    return [*(of(rng.random((N, N))) for _ in range(3)), jnp.int64(5)]


def functions(program: Callable[..., Any], *given: Any) -> int:
    """Calls of native functions that were asked for; of small loops XLA makes some by itself."""
    text = jax.jit(program).lower(*given).compile().as_text()
    assert text is not None
    return len(re.findall(r' call\(.*to_apply=%unmarked.*xla_cpu_small_call="true"', text))


def stencil(u: jax.Array) -> jax.Array:
    return u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]


def in_turn(i: jax.Array, state: State, k: jax.Array) -> State:
    u, v = state
    v = v.at[1:-1, 1:-1].set(stencil(u) * k[1:-1, 1:-1] * 0.25)
    return u.at[1:-1, 1:-1].set(stencil(v) * 0.25), v


def at_a_place(i: jax.Array, state: State, k: jax.Array) -> State:
    u, v = state
    return lax.dynamic_update_slice(u, v[1:2] * 0.5, (i, 0)), v + k


def read_before(i: jax.Array, state: State, k: jax.Array) -> State:
    """A loop that only reads both, before one is written over and takes the other's place: by order alone."""
    u, v = state

    def part(row: jax.Array, total: jax.Array) -> jax.Array:
        return total + lax.dynamic_slice(u, (row, 0), (1, N)) * lax.dynamic_slice(v, (row, 0), (1, N))

    found = lax.fori_loop(0, N, part, jnp.zeros((1, N), u.dtype))
    return v * 0.5 + found * 1e-3, u


BODIES: dict[str, Body] = {
    "read before": read_before,
    "in turn": in_turn,
    "at a place": at_a_place,
    "a zero from around": lambda i, s, k: (s[0] * 0.5 + 0.0 * k[0], s[1]),
    "nothing from around": lambda i, s, k: (jnp.where(jnp.zeros((), bool), k, s[0] * 0.5), s[1]),
    "a field left alone": lambda i, s, k: (s[0] * 0.5, s[1]),
    "a field overwritten": lambda i, s, k: (s[0] * 0.5, jnp.zeros_like(s[1])),
    "roles changed": lambda i, s, k: (s[1] * 0.5, s[0]),
    "a loop within": lambda i, s, k: native_loop(2, lambda j, s: (s[0] * 0.5 + k * i, s[1] + j), s),
    "a function": lambda i, s, k: (jnp.exp(-s[0]) * k, jnp.tanh(s[1])),
}

NAMES = """abs acos acosh asin asinh atan atanh cbrt ceil cos cosh erf erfc exp exp2 expm1 floor log log1p logistic neg
round sign sin sinh sqrt square tan tanh"""
FUNCTIONS: list[Callable[[jax.Array], jax.Array]] = [
    *(getattr(lax, name) for name in NAMES.split()),
    lambda x: lax.integer_pow(x, 5),
    lambda x: lax.pow(x, x),
    lambda x: lax.atan2(x, x + 1),
    lambda x: lax.rem(x, x - 0.3),
    lambda x: lax.clamp(x.dtype.type(0.2), x, x.dtype.type(0.4)),
    lambda x: jnp.where(lax.is_finite(x), x, 0.0),
    lambda x: lax.rev(x, (0,)),
    lambda x: jnp.pad(x, 1)[2:, :-2],
    lambda x: jnp.roll(x.T, 3, 0),
    lambda x: jnp.concatenate(jnp.split(x, 2)[::-1]),
    lambda x: lax.scan(lambda carry, row: (carry + row, ()), x, x[:3])[0],
]


@pytest.mark.parametrize("count", [None, 0, 1, 4])
@pytest.mark.parametrize("name", [*BODIES])
def test_numbers_are_those_of_a_plain_loop(name: str, count: int | None) -> None:
    native, plain = two_ways(BODIES[name], count)
    for of in (jnp.asarray, lambda x: jnp.asarray(x, jnp.float32), lambda x: jnp.zeros((N, N))):
        given = arguments(of)
        for found, expected in zip(jax.jit(native)(*given), jax.jit(plain)(*given), strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_are_taken(dtype: str) -> None:
    def body(i: jax.Array, state: State, k: jax.Array) -> State:
        return functools.reduce(jnp.add, (jnp.nan_to_num(function(k)) for function in FUNCTIONS)), state[1]

    native, plain = two_ways(body)
    given = arguments(lambda x: jnp.asarray(x, dtype))
    found, expected = jax.jit(native)(*given)[0], jax.jit(plain)(*given)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4 if dtype == "float32" else 1e-12)
    assert functions(native, *given) == 1


@cpu_only
@pytest.mark.parametrize("name", [*BODIES])
def test_one_function(name: str) -> None:
    native, plain = two_ways(BODIES[name])
    within = name == "a loop within"
    assert functions(native, *arguments()) == 1 + within
    assert functions(plain, *arguments()) == within


@cpu_only
def test_nothing_is_copied() -> None:
    def program(fields: State, k: jax.Array, n: jax.Array) -> State:
        """As in a march: rounds of which each is a loop."""
        return lax.fori_loop(0, n, lambda i, s: native_loop(n + i, lambda i, s: in_turn(i, s, k), s), fields)

    u, v, k, n = arguments()
    text = jax.jit(program, donate_argnums=0).lower((u, v), k, n).compile().as_text()
    assert text is not None and "small_call" in text
    assert not re.findall(rf"f64\[{N},{N}\]\S* copy\(", text)


def test_constants_may_be_handed_in() -> None:
    """As an argument without a use one would end the process."""

    def program(u: jax.Array) -> State:
        zero, ones = jnp.zeros(()), jnp.ones((N, N))
        state = (u, zero)
        return native_loop(jnp.int32(3), lambda i, s: (s[0] * ones + zero, s[1] + zero), state)

    u = arguments()[0]
    found, zero = jax.jit(program)(u)
    np.testing.assert_array_equal(found, u)
    assert zero == 0.0


NOT_TAKEN: dict[str, Body] = {
    "sort": lambda i, s, k: (jnp.sort(s[0], axis=0) * 0.5, s[1]),
    "scatter": lambda i, s, k: (s[0].at[jnp.array([3, 5, 3])].add(k[0]), s[1]),
    "condition": lambda i, s, k: (lax.cond(i > 2, lambda u: u * 0.5, lambda u: k, s[0]), s[1]),
    "FFT": lambda i, s, k: (jnp.fft.ifft(jnp.fft.fft(s[0])).real, s[1]),
    "sum": lambda i, s, k: (s[0] + jnp.sum(s[1]) / N**2, s[1]),
    "maximum": lambda i, s, k: (s[0] + jnp.max(s[1]), s[1]),
    "matrices": lambda i, s, k: (s[0] @ k / N, s[1]),
    "call back": lambda i, s, k: (jax.pure_callback(lambda x: x, jax.ShapeDtypeStruct((N, N), s[0].dtype), s[0]), s[1]),
    "inverse": lambda i, s, k: (jnp.linalg.inv(s[0] + N * jnp.eye(N)), s[1]),
}


@pytest.mark.parametrize("name", [*NOT_TAKEN])
def test_what_is_not_taken_stays_a_loop(name: str) -> None:
    native, plain = two_ways(NOT_TAKEN[name])
    for found, expected in zip(jax.jit(native)(*arguments()), jax.jit(plain)(*arguments()), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert functions(native, *arguments()) == 0


@pytest.mark.parametrize("batched", [(0, 0, 0, 0), (0, None, 0, None), (None, 0, None, 0)])
@pytest.mark.parametrize("name", ["in turn", "at a place", "a function"])
def test_many_at_once(name: str, batched: tuple[int | None, ...]) -> None:
    """Their counts may differ, too."""
    members = [jnp.stack([x, x * 0.5]) if x.ndim else jnp.array([5, 3]) for x in arguments()]
    given = [x if axis == 0 else x[0] for x, axis in zip(members, batched, strict=True)]
    native, plain = (jax.jit(jax.vmap(way, batched)) for way in two_ways(BODIES[name]))
    for found, expected in zip(native(*given), plain(*given), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_places_of_many_are_a_scatter() -> None:
    """Which is not taken, though that of one is."""

    def one(u: jax.Array, place: jax.Array) -> jax.Array:
        return native_loop(3, lambda i, u: lax.dynamic_update_slice(u, u[:2] * 0.5, (place, 0)), u)

    u = jnp.stack([arguments()[0]] * 2)
    places = jnp.array([3, 7])
    found = jax.jit(jax.vmap(one))(u, places)
    for one_u, place, each in zip(u, places, found, strict=True):
        np.testing.assert_array_equal(jax.jit(one)(one_u, place), each)
    assert functions(one, u[0], places[0]) == 1
    assert functions(jax.vmap(one), u, places) == 0
