"""One arithmetic per cell: what a step gives a cell does not depend on the array that the cell is computed in."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers.block import Block
from solvers.equations import Heat
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.integrators import Euler
from solvers.operators import laplacian
from solvers.patch import Patch
from solvers.rounding import Rounding
from solvers.rounds import Clock
from solvers.stencil import Form, Stencil
from tests.equations import EQUATIONS, case_of, settled

DTYPES = ("float32", "float64")
# Unequal spacings: as many products as axes, for the compiler to contract.
SHAPES = {1: ((0.3,), (200,)), 2: ((0.31, 0.77), (20, 90)), 3: ((0.3, 0.7, 0.45), (9, 10, 50))}


@pytest.mark.parametrize("form", ["slices", "conv"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_a_step_on_a_part_is_that_part_of_the_step(
    ndim: int, dtype: str, form: Form, grid_of: Callable[..., Grid]
) -> None:
    spacing, shape = SHAPES[ndim]
    step = Euler(Heat(Stencil(laplacian(spacing), form)))
    random = np.random.default_rng(ndim)
    u, source = random.standard_normal((2, *shape)).astype(dtype)

    @jax.jit
    def advance(u: jax.Array, source: jax.Array) -> jax.Array:
        coefficients = {"alpha": jnp.asarray(0.7, dtype), "source": source}
        time = jnp.float64(0)
        patch = Patch({"u": u}, coefficients, time, (0,) * ndim, grid_of(shape, spacing), Rounding.by(time))
        return step(patch, 0, jnp.float64(0.01))["u"]

    whole = np.asarray(advance(u, source))
    for _ in range(25):
        # Lengths around a vector's, where it and what is left over meet.
        sizes = [random.integers(1, min(n - 2, 20) + 1) for n in shape]
        starts = [random.integers(0, n - 2 - size + 1) for n, size in zip(shape, sizes, strict=True)]
        cells = tuple(slice(a, a + size) for a, size in zip(starts, sizes, strict=True))
        ghosted = tuple(slice(a, a + size + 2) for a, size in zip(starts, sizes, strict=True))
        part = advance(u[ghosted], source[ghosted])
        np.testing.assert_array_equal(part, whole[cells], err_msg=f"{sizes} cells at {starts}")


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.long)])
@pytest.mark.parametrize("name", EQUATIONS)
def test_what_is_compiled_is_what_is_written(name: str, dtype: str) -> None:
    """Operation by operation: none is contracted with another, and no two constants are multiplied beforehand.

    So another compiler, such as that of a GPU's kernels, finds the same bits.
    """
    simulation, _ = settled(case_of(name, 2, dtype))
    problem, transport = simulation.problem, simulation.transport
    if problem.march.step.registers:
        pytest.skip("a step of several stages is made of steps of one")

    def one_step(
        block: Block, exchange: Exchange, fields: Fields, coefficients: Fields, clock: Clock
    ) -> tuple[Fields, Fields]:
        after, _ = problem.march.single(block, exchange, problem.march.buffers(fields), coefficients, clock)
        return {name: u[block.interior] for name, u in after.now.items()}, {}

    clock = Clock(jnp.float64(0.0), jnp.int64(0), jnp.float64(1e-3))
    arguments = problem.initial(transport), problem.coefficients(transport), clock
    compiled, _ = transport.compile(one_step)(*arguments)
    with jax.disable_jit():
        written, _ = transport.compile(one_step)(*arguments)
    for field, values in compiled.items():
        np.testing.assert_array_equal(written[field], values)
