"""Linear solvers: the same bits however the grid is cut."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sim.transport import Transport
from solvers.block import Block, core
from solvers.exchange import Exchange
from solvers.halo import exchange_halos
from solvers.linear.bicgstab import bicgstab
from solvers.linear.cells import Cells
from solvers.linear.conjugate_gradients import conjugate_gradients
from solvers.linear.level import Level, Reflections
from solvers.linear.multigrid import Multigrid
from solvers.linear.uniform import Uniform
from solvers.linear.varying import Varying
from solvers.linear.vectors import Vectors
from solvers.reductions import maximum
from solvers.rounding import Rounding

SHAPE = (46, 29)
SPACING = (1 / 46, 1 / 35)
WALLS: Reflections = ((-1.0, 1.0), (1.0, 0.25))
WAYS = [
    ("xla", {"devices": 2}),
    ("xla", {"process_grid": (2, 2), "devices": 4}),
    ("virtual", {"process_grid": (2, 3)}),
    ("auto-sharded", {"process_grid": (1, 2), "devices": 2}),
]


def program(block: Block, exchange: Exchange, k: jax.Array, b: jax.Array, tolerance: jax.Array) -> Any:
    """Everything at once: multigrid for constant and variable k, and Krylov methods with it and without.

    V-cycles are nearly all that there is to compile: one of the methods does without.
    """
    rounded = Rounding.by(tolerance)
    level = Level(Cells(SHAPE, SPACING), Block(block.shape, 1, block.extent, block.offset), exchange, WALLS, rounded)
    weights = tuple(jnp.asarray(1.0 / h**2, b.dtype) for h in SPACING)
    one = jnp.asarray(1.0, b.dtype)
    constant = Multigrid(Uniform(level, weights, one), 4)
    filled = exchange_halos(k, block, exchange)
    varying = Multigrid(Varying.from_coefficients(level, weights, (filled,) * len(weights), one, "harmonic"), 4)
    vectors = Vectors(level.block, exchange, SHAPE[0] * SHAPE[1], rounded)

    def residual(grid: Multigrid, u: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.where(level.block.owned(), grid.operator.residual(level.filled(level.ghosted(u)), b), 0.0)

    def apply(x: dict[str, jax.Array]) -> dict[str, jax.Array]:
        return {"u": -residual(varying, x["u"], jnp.zeros_like(x["u"]))}

    def precondition(x: dict[str, jax.Array]) -> dict[str, jax.Array]:
        return {"u": varying.precondition(x["u"])}

    rhs = vectors.owned({"u": core(b, 1)})
    u = core(constant.full(rhs["u"]), 1)
    u = u + constant.precondition(residual(constant, u, rhs["u"]))
    found = {"constant": level.ghosted(u)}
    scalars = {"constant": maximum(jnp.abs(residual(constant, u, rhs["u"])), exchange)}
    for method, preconditioner in ((conjugate_gradients, precondition), (bicgstab, lambda x: x)):
        solution = method(apply, rhs, preconditioner, vectors, tolerance, 50)
        found[method.__name__] = level.ghosted(solution.x["u"])
        scalars[method.__name__] = jnp.stack([solution.iterations.astype(jnp.float64), solution.residual])
    return found, scalars


@pytest.fixture(scope="module")
def solved(transport_of: Callable[..., Transport], place: Any, whole: Any) -> Callable[..., Any]:
    random = np.random.default_rng(0)
    k = 10.0 ** random.uniform(-1, 1, SHAPE)
    b = random.standard_normal(SHAPE)

    def solve(dtype: str, name: str, **wish: Any) -> Any:
        transport = transport_of(SHAPE, 1, name, unit=4, **wish)
        u, scalars = transport.compile(program)(
            place(transport, k.astype(dtype)),
            place(transport, b.astype(dtype)),
            jnp.float64(1e-8 if dtype == "float64" else 1e-4),
        )
        return {key: whole(transport, x) for key, x in u.items()}, jax.tree.map(np.asarray, scalars)

    return solve


@pytest.fixture(scope="module")
def in_one_piece(solved: Callable[..., Any]) -> Callable[[str], Any]:
    return cache(lambda dtype: solved(dtype, "serial"))


@pytest.mark.long
@pytest.mark.parametrize(
    ("dtype", "name", "wish"), [*(("float64", *way) for way in WAYS), ("float32", *WAYS[1])], ids=str
)
def test_every_way_of_cutting_the_grid_gives_the_same_bits(
    dtype: str, name: str, wish: dict[str, Any], solved: Callable[..., Any], in_one_piece: Callable[[str], Any]
) -> None:
    expected, expected_scalars = in_one_piece(dtype)
    assert expected_scalars["constant"] < 0.1 and expected_scalars["conjugate_gradients"][0] < 30
    found, scalars = solved(dtype, name, **wish)
    for key, u in expected.items():
        np.testing.assert_array_equal(found[key], u, err_msg=key)
    jax.tree.map(np.testing.assert_array_equal, scalars, expected_scalars)
