"""Whole marches by kernels have the bits of those without, and stay within their arrays."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers import cellwise
from solvers.boundary import Dirichlet, Neumann, Outflow, Periodic, Radiation, Robin
from solvers.cellwise import kernel
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


def _shapes() -> list[Any]:
    of = [((70,), "float64"), ((2100,), "float32"), ((40, 33), "float32")]
    long = [((37, 300), "float64"), ((9, 13, 17), "float32"), ((12, 26, 300), "float64")]
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
