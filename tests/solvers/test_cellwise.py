"""Kernels for GPUs: run here by Pallas' interpreter, and made for CUDA as far as that goes without a GPU."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from solvers import cellwise
from solvers.boundary import Dirichlet, Neumann, Outflow, Periodic, Radiation, Robin
from solvers.cellwise import kernel
from solvers.cellwise.index import Index, without
from solvers.integrators import SSPRK3, Scheme
from solvers.rounds import Clock
from tests.equations import EQUATIONS, case_of, outcome

# Powers and the like are the compiler's own, wherever it meets them.
WITHOUT = ("porous medium", "text, functions", "text, operators")
LONG = pytest.mark.long
SIDES = {
    "values": (Dirichlet(0.3), Neumann(0.2)),
    "around": (Periodic(), Periodic()),
    "flows": (Robin(1.3, ambient=0.2), Outflow()),
    "radiation": (Radiation(1.3, ambient=0.2), Neumann()),
}


@pytest.fixture(name="kernels")
def _kernels(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether there was a kernel, each time that one was asked for."""
    asked: list[bool] = []
    written = cellwise.written

    def counted(*arguments: Any) -> Any:
        found = written(*arguments)
        asked.append(found is not None)
        return found

    monkeypatch.setattr(cellwise, "written", counted)
    monkeypatch.setattr("solvers.cellwise.in_place.INTERPRETED", True)
    return asked


def _shapes() -> list[Any]:
    of = [((70,), "float64"), ((2100,), "float32"), ((40, 33), "float32"), ((37, 300), "float64")]
    long = [((9, 13, 17), "float32"), ((12, 26, 300), "float64")]
    return [*of, *(pytest.param(*each, marks=pytest.mark.long) for each in long)]


@pytest.mark.parametrize(("shape", "dtype"), _shapes())
@pytest.mark.parametrize("sides", [name if name == "values" else pytest.param(name, marks=LONG) for name in SIDES])
def test_a_kernel_fills_ghosts_as_it_goes(
    sides: str, shape: tuple[int, ...], dtype: str, heat: Callable[..., Any], request: pytest.FixtureRequest
) -> None:
    u = np.random.default_rng(3).random(shape).astype(dtype)
    spacing = (0.11, 0.2, 0.15)[: len(shape)]

    def after(**how: Any) -> np.ndarray:
        return heat(shape, [SIDES[sides]] * len(shape), spacing, **how)(u, 1e-3, 5, 0.9)

    plain = after()
    kernels = request.getfixturevalue("kernels")
    np.testing.assert_array_equal(after(), plain)
    np.testing.assert_array_equal(after(depth=4, own=(1, 4, 2)[: len(shape)]), plain)
    assert kernels and all(kernels)


@pytest.mark.long
@pytest.mark.parametrize("sides", SIDES)
def test_on_some_of_many_blocks_too(sides: str, heat: Callable[..., Any], request: pytest.FixtureRequest) -> None:
    """Even ones by kernels, uneven ones, whose walls are known when running, without."""
    u = np.random.default_rng(3).random((40, 33)).astype("float32")
    plain = heat(u.shape, [SIDES[sides]] * 2, (0.11, 0.2))(u, 1e-3, 5, 0.9)
    kernels = request.getfixturevalue("kernels")
    for grid in ((2, 1), (1, 2)):
        run = heat(u.shape, [SIDES[sides]] * 2, (0.11, 0.2), name="xla", devices=2, process_grid=grid, depth=2)
        np.testing.assert_array_equal(run(u, 1e-3, 5, 0.9), plain)
    assert any(kernels) and all(kernels) == (sides == "around")


def _equations() -> list[Any]:
    quick = ("heat", "heat, harmonic", "gray-scott", "text, functions")
    plane = [pytest.param(name, 2, marks=[] if name in quick else LONG) for name in EQUATIONS]
    anywhere = ("heat, harmonic", "burgers", "wave", "cahn-hilliard")
    return plane + [pytest.param(name, ndim, marks=LONG) for name in anywhere for ndim in (1, 3)]


@pytest.mark.parametrize(
    ("integrator", "equation", "depth"),
    [
        ("heun", "heat", 1),
        pytest.param("ssprk3", "heat", 3, marks=LONG),
        pytest.param("rk4", "gray-scott", 1, marks=LONG),
        pytest.param("rkl2", "heat", 1, marks=LONG),
        pytest.param("rkl2", "gray-scott", 3, marks=LONG),
    ],
)
def test_what_steps_remember_is_written_too(
    integrator: str, equation: str, depth: int, request: pytest.FixtureRequest
) -> None:
    """Registers, and fields before, of which each cell sees its own."""
    case = case_of(equation, 2, "float64")
    case["time"]["integrator"] = integrator
    plain, _ = outcome(case, steps=3)
    kernels = request.getfixturevalue("kernels")
    found, _ = outcome(case, steps=3, depth=depth)
    for field, values in plain.items():
        np.testing.assert_array_equal(found[field], values)
    assert kernels and all(kernels)


@pytest.mark.parametrize(("name", "ndim"), _equations())
def test_a_kernel_changes_no_bit(name: str, ndim: int, request: pytest.FixtureRequest) -> None:
    case = case_of(name, ndim, "float32")
    plain, _ = outcome(case, steps=2)
    kernels = request.getfixturevalue("kernels")
    found, _ = outcome(case, steps=2)
    for field, values in plain.items():
        np.testing.assert_array_equal(found[field], values)
    assert kernels and all(taken == (name not in WITHOUT) for taken in kernels)


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


@pytest.mark.parametrize("shape", [(90,), (40, 33), pytest.param((5, 9, 140), marks=LONG)])
def test_nothing_is_read_from_beyond_an_array(
    shape: tuple[int, ...], kernels: list[bool], heat: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interpreter would take it from somewhere; a GPU might end the process."""
    seen: list[bool] = []
    load = kernel.triton.load

    def checked(ref: Any, *, mask: Any = None, other: Any = None) -> jax.Array:
        (indices,) = (transform.indices for transform in ref.transforms)
        inside = [(i >= 0) & (i < n) for i, n in zip(indices, ref.ref.shape, strict=True)]
        fine = functools.reduce(operator.and_, inside)
        jax.debug.callback(lambda fine: seen.append(bool(fine)), jnp.all(fine if mask is None else fine | ~mask))
        return load(ref, mask=mask, other=other)

    monkeypatch.setattr(kernel.triton, "load", checked)
    heat(shape, [SIDES["values"]] * len(shape), (0.1,) * len(shape))(np.ones(shape, np.float32), 1e-3, 2)
    jax.effects_barrier()
    assert all(kernels) and seen and all(seen)


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


@pytest.mark.parametrize("scheme", [None, SSPRK3])
@pytest.mark.parametrize("shape", [(300,), (64, 70), (16, 20, 130)])
def test_a_stage_is_one_kernel_that_writes_in_place(
    shape: tuple[int, ...], scheme: Scheme | None, heat: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as a compiler for CUDA takes it without a GPU."""
    run = heat(shape, [SIDES["values"]] * len(shape), (0.1,) * len(shape), scheme=scheme)
    buffers, coefficients, clock = run.arguments(np.ones(shape, np.float32), 1e-3)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    program = run.transport.compile(run.march.single, donate=(0,))
    lowered = program.trace(buffers, coefficients, clock).lower(lowering_platforms=("cuda",))
    lines = [line for line in lowered.as_text().splitlines() if "stablehlo." in line]
    (call,) = (line for line in lines if "custom_call" in line)
    assert "xla.gpu.triton" in call
    assert call.count("output_operand_alias<") == 1 + (scheme is not None)
    lines.remove(call)
    blocks = "x".join(str(n + 2) for n in shape)
    assert not [line for line in lines if blocks in line]


def test_parts_of_a_domain() -> None:
    for sign, offset, first, until in itertools.product((1, -1), range(-4, 12), range(-2, 9), range(-1, 10)):
        domain = ((1, 7), (0, 3))
        index = Index(0, sign, offset)
        wanted = {cell for cell in range(1, 7) if first <= sign * cell + offset < until}
        part = index.within(first, until, domain)
        assert set(range(*part[0]) if part else ()) == wanted
        if part is not None:
            assert set(range(1, 7)) - wanted <= set(range(*without(domain, part)[0]))
    low, high = Index(1, -1, 5).limits(((0, 1), (2, 6)))
    assert (low, high) == (0, 3) and Index(None, 0, 4).limits(((0, 1),)) == (4, 4)


def test_the_host_is_seldom_asked_whether_to_go_on(heat: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops of a number of turns that is known when compiling, within one that is not."""
    shape = (40, 50)
    run = heat(shape, [SIDES["values"]] * 2, (0.1, 0.1))
    u = np.random.default_rng(5).random(shape)
    plain = run(u, 1e-3, 70)
    buffers, coefficients, clock = run.arguments(u, 1e-3)
    monkeypatch.setattr("solvers.native_loop.jax.default_backend", lambda: "gpu")
    monkeypatch.setattr(cellwise, "written", lambda *_: None)
    program = run.transport.compile(run.march.even, donate=(0,))
    jaxpr = str(program.trace(buffers, coefficients, clock, jnp.int64(70)).jaxpr)
    assert "length=16" in jaxpr and jaxpr.count("while[") == 2
    found, _ = program(buffers, coefficients, Clock(*clock), jnp.int64(70))
    np.testing.assert_array_equal(run.whole(found), plain)
