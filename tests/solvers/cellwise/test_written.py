"""Of what there are kernels and of what not, and that they write what is wanted where it is wanted."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from solvers import cellwise

PLACES: dict[str, Callable[[jax.Array], jax.Array]] = {
    "flip": lambda u: jnp.flip(u, 1)[2:-1, 1:-2],
    "concatenate": lambda u: jnp.concatenate([u[:1], u[3:7] * 2.0, u[1:2], u[5:]], axis=0)[:8, 1:9],
    "pad": lambda u: jnp.pad(u[2:5, 1:-1], ((3, 2), (0, 1)), constant_values=7.0)[:8, :8],
    "pad inwards": lambda u: lax.pad(u, jnp.float32(0.0), ((-1, -2, 0), (-3, 1, 0))),
    "at": lambda u: u.at[2:5, 1:4].set(5.0).at[3:, :2].set(u[:-3, 3:5])[1:9, 1:9],
    "update at a corner": lambda u: lax.dynamic_update_slice(u, u[:3, :2] + 1.0, (9, 20))[2:, 2:],
    "slice at a place": lambda u: lax.dynamic_slice(u, (1, 2), (6, 5)) - 1.0,
    "outer": lambda u: u[:, 1:2] * u[2:3, :],
    "numbers": lambda u: u + jnp.arange(u.shape[1], dtype=u.dtype) - jnp.asarray([[1.0], [2.0]] * 5 + [[3.0]]),
    "many numbers": lambda u: u * np.arange(u.size, dtype=u.dtype).reshape(u.shape),
    "reshape": lambda u: (u[:, :1].reshape(-1) + 1.0)[:, None] * u[None, :][0],
    "where": lambda u: jnp.where(u > 0.5, u, -u)[1:] / jnp.maximum(u[1:], u[:-1]),
    "integers": lambda u: ((lax.broadcasted_iota(jnp.int32, u.shape, 0) % 3 == 1) * u)[2:, 1:],
    "powers": lambda u: u**-1 + u**3 * lax.integer_pow(u, -2),
    "a copy": lambda u: jnp.copy(u) * 2.0,
    "nothing of it": lambda u: lax.pad(u[:0], jnp.float32(2.0), ((3, 3, 0), (0, 0, 0))) + u[:6],
}


@pytest.mark.parametrize("name", PLACES)
def test_what_is_where(name: str, kernels: list[bool]) -> None:
    """What is taken from, or put in, other places; written somewhere in the middle."""
    u = jnp.asarray(np.random.default_rng(4).random((11, 10)), jnp.float32)
    wanted = jax.jit(PLACES[name])(u)
    into = jnp.full([n + 5 for n in wanted.shape], -1.0)

    @jax.jit
    def found(u: jax.Array, into: jax.Array) -> jax.Array:
        done = cellwise.written(lambda: {"u": PLACES[name](u)}, {"u": into}, (2, 3))
        assert done is not None
        return done["u"]

    rows, columns = wanted.shape
    np.testing.assert_array_equal(found(u, into), into.at[2 : 2 + rows, 3 : 3 + columns].set(wanted))


REFUSED: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "a function": lambda u, _: jnp.exp(u),
    "a sum of cells": lambda u, _: u + u.sum(),
    "a place known when running": lambda u, i: lax.dynamic_slice_in_dim(u, i, 4, 0),
    "a cell added to": lambda u, _: u.at[1, 2].add(1.0, mode="drop"),
    "every other cell": lambda u, _: u[::2],
    "what is left over": lambda u, _: u % 0.1,
    "a long chain": lambda u, _: functools.reduce(lambda v, _: v * 0.5 + u, range(200), u),
    "a convolution": lambda u, _: jnp.convolve(u[0], u[1])[None],
}


@pytest.mark.parametrize("name", REFUSED)
def test_of_what_there_is_no_kernel(name: str, kernels: list[bool]) -> None:
    def asked(u: jax.Array, i: jax.Array) -> jax.Array:
        made = REFUSED[name](u, i)
        assert cellwise.written(lambda: {"u": REFUSED[name](u, i)}, {"u": jnp.zeros_like(made)}, (0, 0)) is None
        return made

    jax.jit(asked)(jnp.ones((8, 9)), jnp.int32(1))
    assert kernels == [False]


@pytest.mark.parametrize("shape", [(90,), (9, 11), (6, 5, 7)])
def test_nor_of_what_is_written_where_it_is_read(shape: tuple[int, ...], kernels: list[bool]) -> None:
    """Neighbours along any axis, of the field itself and of another one that is written."""

    def both(u: jax.Array, axis: int) -> dict[str, jax.Array]:
        lower, upper = (lax.slice_in_dim(u, start, start + u.shape[axis] - 1, axis=axis) for start in (0, 1))
        return {"u": 2.0 * lower, "v": lower + upper}

    def asked(u: jax.Array, v: jax.Array, axis: int) -> None:
        corner = (0,) * u.ndim
        assert cellwise.written(lambda: {"u": both(u, axis)["v"]}, {"u": u}, corner) is None
        assert cellwise.written(lambda: both(u, axis), {"u": u, "v": v}, corner) is None

    for axis in range(len(shape)):
        jax.jit(asked, static_argnums=2)(jnp.ones(shape), jnp.ones(shape), axis)
    assert kernels == [False] * 2 * len(shape)


def test_an_ensemble_is_one_kernel_too(kernels: list[bool]) -> None:
    """Fields and a scalar of each member, one coefficient of all."""
    random = np.random.default_rng(6)
    u, into = (jnp.asarray(random.random((3, 11, 13)), jnp.float32) for _ in range(2))
    k, factor = jnp.asarray(random.random((11, 13)), jnp.float32), jnp.asarray([0.5, 1.5, 2.5], jnp.float32)

    def made(u: jax.Array, factor: jax.Array) -> jax.Array:
        return factor * k[1:-1, 1:-1] * (u[2:, 1:-1] - u[:-2, 1:-1])

    def one(u: jax.Array, into: jax.Array, factor: jax.Array) -> jax.Array:
        done = cellwise.written(lambda: {"u": made(u, factor)}, {"u": into}, (1, 1))
        assert done is not None
        return done["u"]

    found = jax.jit(jax.vmap(one))(u, into, factor)
    np.testing.assert_array_equal(found, into.at[:, 1:-1, 1:-1].set(jax.vmap(made)(u, factor)))
    assert kernels == [True]


def test_nor_of_an_axis_of_too_many_cells(kernels: list[bool]) -> None:
    def asked(u: jax.Array) -> jax.Array:
        assert cellwise.written(lambda: {"u": u + 1.0}, {"u": u}, (0,)) is None
        return u

    jax.eval_shape(asked, jax.ShapeDtypeStruct((1 << 31,), jnp.float32))
    assert kernels == [False]


def test_without_a_gpu_there_are_none() -> None:
    u = jnp.ones((4, 4))
    assert jax.default_backend() == "gpu" or cellwise.written(lambda: {"u": u + 1.0}, {"u": u * 2.0}, (0, 0)) is None
