"""Multigrid: how fast it converges, and to what."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers.block import Block, core
from solvers.exchange import Alone
from solvers.fields import Fields
from solvers.halo import exchange_halos
from solvers.linear.cells import Cells
from solvers.linear.conjugate_gradients import conjugate_gradients
from solvers.linear.level import Level, Reflections
from solvers.linear.multigrid import Multigrid
from solvers.linear.uniform import Uniform
from solvers.linear.varying import Varying
from solvers.linear.vectors import Solution, Vectors
from solvers.operators import Mean
from solvers.rounding import Rounding

DIRICHLET, NEUMANN, ROBIN, PERIODIC = (-1.0, -1.0), (1.0, 1.0), (0.2, -0.4), None


def multigrid(
    shape: Sequence[int],
    h: Sequence[float],
    walls: Reflections,
    c: float,
    k: np.ndarray | None,
    traced: jax.Array,
    mean: Mean = "harmonic",
) -> Multigrid:
    level = Level(Cells(tuple(shape), tuple(h)), Block(tuple(shape), 1), Alone(), walls, Rounding.by(traced))
    weights = tuple(jnp.asarray(1.0 / width**2) for width in h)
    if k is None:
        return Multigrid(Uniform(level, weights, jnp.asarray(c)), 1)
    cells = exchange_halos(level.ghosted(jnp.asarray(k)), level.block, level.exchange)
    return Multigrid(Varying.from_coefficients(level, weights, (cells,) * len(shape), jnp.asarray(c), mean), 1)


def residual(solver: Multigrid, u: jax.Array, b: jax.Array) -> jax.Array:
    """b - A u of a field without ghosts."""
    level = solver.operator.level
    return solver.operator.residual(level.filled(level.ghosted(u)), b)


def improved(solver: Multigrid, u: jax.Array, b: jax.Array) -> jax.Array:
    """u after a V-cycle for what it leaves."""
    return u + solver.precondition(residual(solver, u, b))


def factor(
    shape: Sequence[int],
    walls: Reflections,
    h: Sequence[float] | None = None,
    c: float = 0.0,
    k: np.ndarray | None = None,
    cycles: int = 9,
) -> float:
    """By how much the last V-cycles reduce an error of noise, on average."""
    start = np.random.default_rng(0).standard_normal(shape)
    spacing = h or [1.0 / n for n in shape]

    @jax.jit
    def run(u: jax.Array, traced: jax.Array) -> jax.Array:
        solver = multigrid(shape, spacing, walls, c, k, traced)
        b = jnp.zeros(shape)

        def cycle(u: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
            u = improved(solver, u, b)
            return u, jnp.sqrt(jnp.mean(residual(solver, u, b) ** 2))

        return jax.lax.scan(cycle, u, None, cycles)[1]

    sizes = np.asarray(run(start - start.mean(), 0.0))
    return float((sizes[-1] / sizes[-4]) ** (1 / 3))


@pytest.mark.parametrize(
    ("shape", "walls"),
    [
        ((64,), (DIRICHLET,)),
        ((61,), (PERIODIC,)),
        ((64, 64), (DIRICHLET, NEUMANN)),
        ((128, 128), (DIRICHLET, ROBIN)),
        pytest.param((256, 256), (PERIODIC, NEUMANN), marks=pytest.mark.long),
        ((37, 50), (DIRICHLET, PERIODIC)),
        ((16, 16, 16), (DIRICHLET, NEUMANN, PERIODIC)),
    ],
    ids=str,
)
def test_each_v_cycle_takes_away_85_percent(shape: tuple[int, ...], walls: Reflections) -> None:
    """Whatever the grid, its size and its walls; singular ones too, where the mean is zero."""
    assert factor(shape, walls, [0.02] * len(shape) if shape == (37, 50) else None) <= 0.15


def test_where_one_spacing_is_far_smaller_only_its_axis_is_merged() -> None:
    assert Cells((64, 64), (0.001, 0.02)).merged == (0,)
    assert factor((64, 32), (DIRICHLET, NEUMANN), h=(0.001, 0.02)) <= 0.15


def test_a_shift_makes_it_only_faster() -> None:
    assert factor((64, 64), (NEUMANN, NEUMANN), c=1e4) <= 0.1


@pytest.mark.long
def test_conductivities_over_four_decades() -> None:
    y, x = np.linspace(0, 1, 60)[:, None], np.linspace(0, 1, 44)[None, :]
    assert factor((60, 44), (DIRICHLET, NEUMANN), h=(0.02, 0.02), k=10.0 ** (2 * np.sin(6 * x) * np.cos(5 * y))) <= 0.2


@pytest.mark.long
@pytest.mark.parametrize(("mean", "most"), [("harmonic", 120), ("arithmetic", 45)])
@pytest.mark.parametrize("c", [0.0, 1e3])
def test_conjugate_gradients_where_k_is_random_in_each_cell(mean: Mean, most: int, c: float) -> None:
    """Over four decades, log-uniform: by itself a V-cycle is of little use there, but symmetric enough for this."""
    shape, random = (256, 256), np.random.default_rng(0)
    k, b = 10.0 ** random.uniform(-2.0, 2.0, shape), random.standard_normal(shape)

    @jax.jit
    def solve(traced: jax.Array) -> Solution:
        solver = multigrid(shape, [1 / 256] * 2, (DIRICHLET, DIRICHLET), c, k, traced, mean)

        def apply(v: Fields) -> Fields:
            return {"u": -residual(solver, v["u"], jnp.zeros(shape))}

        def precondition(r: Fields) -> Fields:
            return {"u": solver.precondition(r["u"])}

        vectors = Vectors(solver.operator.level.block, Alone(), b.size, Rounding.by(traced))
        return conjugate_gradients(apply, {"u": jnp.asarray(b)}, precondition, vectors, jnp.float64(1e-8), 2 * most)

    found = solve(jnp.float64(0.0))
    assert found.iterations <= most and found.residual <= 1e-8 and not found.broken


def poisson(n: int) -> tuple[np.ndarray, np.ndarray]:
    x = (np.arange(n) + 0.5) / n
    exact = np.sin(np.pi * x)[:, None] * np.sin(2 * np.pi * x)[None, :]
    return exact, 5 * np.pi**2 * exact


@pytest.mark.long
def test_full_multigrid_and_a_v_cycle_are_as_good_as_the_discretisation() -> None:
    errors = []
    for n in (32, 64):
        exact, b = poisson(n)

        @jax.jit
        def solve(b: jax.Array, traced: jax.Array, n: int = n) -> tuple[jax.Array, jax.Array]:
            solver = multigrid((n, n), (1 / n, 1 / n), (DIRICHLET, DIRICHLET), 0.0, None, traced)
            once_more = improved(solver, core(solver.full(b), 1), b)
            return once_more, jax.lax.fori_loop(0, 15, lambda _, v: improved(solver, v, b), once_more)

        quick, accurate = (np.asarray(u) for u in solve(b, 0.0))
        errors.append(np.abs(accurate - exact).max())
        assert np.abs(quick - exact).max() < 1.2 * errors[-1]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.05)


@pytest.mark.long
def test_a_network_of_equal_cells_is_the_constant_operator() -> None:
    shape, h, walls = (12, 10), (0.1, 0.1), (DIRICHLET, ROBIN)
    u = np.random.default_rng(1).standard_normal(shape)

    def applied(k: np.ndarray | None) -> jax.Array:
        return residual(multigrid(shape, h, walls, 3.0, k, jnp.float64(0.0)), jnp.asarray(u), jnp.zeros(shape))

    np.testing.assert_allclose(applied(np.ones(shape)), applied(None), rtol=1e-12, atol=1e-9)


def test_blocks_that_can_not_be_merged() -> None:
    class Upper(Alone):
        def at_edge(self, axis: int, side: int) -> bool:
            return side > 0 or axis == 1

    level = Level(
        Cells((16, 8), (1.0, 1.0)), Block((8, 8), 1), Upper(), (DIRICHLET, DIRICHLET), Rounding(jnp.float64(-0.0))
    )
    with pytest.raises(ValueError, match="too few for a multigrid"):
        _ = Multigrid(Uniform(level, (jnp.float64(1.0),) * 2, jnp.float64(0.0)), 1).rungs
