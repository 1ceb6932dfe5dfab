"""What gradients are made of: the adjoint of filling ghosts, a function's results in boxes, a stage as a function."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers.adjoint.boxes import Box, cut, whole
from solvers.adjoint.ghosts import returned
from solvers.adjoint.history import History
from solvers.adjoint.parts import Parts, parted
from solvers.adjoint.stage import Stage
from solvers.block import Block, core
from solvers.boundary import Boundary, Dirichlet, Neumann, Outflow, Periodic, Radiation, Robin
from solvers.exchange import Alone
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.halo import exchange_halos, return_halos
from solvers.rounds import Clock, Rounds
from solvers.wall import Setting, Wall
from solvers.walls import Walls
from tests.equations import case_of, outcome, settled


class Ring(Alone):
    """Blocks along the first axis, mapped over by name."""

    def shift(self, strip: jax.Array, axis: int, step: int) -> jax.Array:
        parts = 3
        if axis > 0:
            return strip
        return jax.lax.ppermute(strip, "blocks", [(i, (i + step) % parts) for i in range(parts)])


def normal(*shape: int, seed: int = 1) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


@pytest.mark.parametrize("exchange", [Alone(), Ring()], ids=["alone", "ring"])
def test_the_halos_of_x_times_y_are_x_times_what_comes_back_of_y(exchange: Alone) -> None:
    """⟨H x, y⟩ = ⟨x, Hᵀ y⟩, over all blocks."""
    block = Block((5, 4), 2)
    x, y = (normal(3, *block.ghosted_shape, seed=seed) for seed in (1, 2))

    def both(x: Any, y: Any) -> tuple[Any, Any]:
        return exchange_halos(x, block, exchange), return_halos(y, block, exchange)

    there, back = jax.vmap(both, axis_name="blocks")(x, y)
    assert float((there * y).sum()) == pytest.approx(float((x * back).sum()), rel=1e-13)
    # Ghosts are written over: nothing hangs on what they held.
    assert not np.asarray(back)[:, [0, 1, -2, -1]].any() and np.asarray(back)[:, 2:-2, 2:-2].all()


def conductivity(wall: Wall) -> jax.Array:
    return wall.coefficient("k")


@pytest.mark.parametrize("extent", [6, 5])
@pytest.mark.parametrize(
    "pair",
    [
        (Dirichlet(2.0), Outflow()),
        (Robin(h=3.0, ambient=1.0, k=conductivity), Neumann(2.0, k=conductivity)),
        (Radiation(strength=0.2, ambient=1.0, k=conductivity), Dirichlet(lambda wall: wall.coordinate(1))),
        (Periodic(), Periodic()),
    ],
    ids=lambda pair: f"{type(pair[0]).__name__}, {type(pair[1]).__name__}",
)
def test_what_hangs_on_ghosts_hangs_on_their_cells(pair: tuple[Boundary, Boundary], extent: int) -> None:
    """As JAX turns the filling of ghosts round, slice by slice; at a wall inside the array, too."""
    width, shape = 2, (6, 4)
    grid = Grid((extent, 4), (0.0, 0.0), (1.0, 2.0), (pair[0] == Periodic(), False))
    walls = Walls([pair, (Dirichlet(1.0), Neumann(0.5))], grid, width)

    def both(extent: jax.Array, u: jax.Array, k: jax.Array, slope: jax.Array) -> tuple[Any, Any]:
        block = Block(shape, width, (extent, 4), (0, 0))

        def filled(u: jax.Array, k: jax.Array) -> jax.Array:
            setting = Setting(block, Alone(), {"k": k, "n": jnp.float64(1.0)}, jnp.float64(0.0))
            return walls.fill(exchange_halos(u, block, Alone()), setting)

        setting = Setting(block, Alone(), {"k": k, "n": jnp.float64(1.0)}, jnp.float64(0.0))
        through = {"k": jnp.zeros_like(k), "n": jnp.float64(0.0)}
        found, totals = returned(slope, filled(u, k), walls, setting, through)
        return jax.vjp(filled, u, k)[1](slope), (found, totals["k"])

    block = Block(shape, width)
    u, k = (1.5 + 0.3 * normal(*block.ghosted_shape, seed=seed) for seed in (1, 2))
    slope = jnp.zeros(block.ghosted_shape).at[: extent + 2 * width].set(normal(extent + 2 * width, 8, seed=3))
    wanted, found = jax.jit(both)(jnp.int32(extent), u, k, slope)
    for one, other in zip(wanted, found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-12, atol=1e-13)


def smoothed(u: jax.Array, k: jax.Array) -> jax.Array:
    """Of a cell and its neighbours, by much of what JAX knows: dtype[m, n] → dtype[m - 2, n - 2]."""
    flux = jnp.where(u > 0, k * jnp.exp(u), jnp.flip(u, 1)) * jnp.arange(u.shape[0], dtype=u.dtype)[:, None]
    across = flux[2:, 1:-1] - 2.0 * flux[1:-1, 1:-1] * u[1:-1, 1:-1] + flux[:-2, 1:-1]
    return across + jnp.concatenate([flux[1:-1, 2:-1], u[1:-1, -1:]], 1) ** 2 + flux.sum()


@pytest.mark.parametrize("rim", [0, 1, 2, 3])
def test_parts_make_up_the_whole(rim: int) -> None:
    """Of a function and of its adjoint, in boxes of any kind."""
    u, k, slope = normal(9, 7), normal(9, 7, seed=2), normal(7, 5, seed=3)

    def both() -> tuple[jax.Array, jax.Array]:
        there, pull = jax.vjp(smoothed, u, k)
        return there, pull(slope)[0]

    wanted = both()
    covered = np.zeros(u.shape, int)
    parts = Parts(both)
    for box in parted(u.shape, rim):
        (_, found) = parts.of((None, box))
        np.testing.assert_allclose(found, cut(wanted[1], whole(u.shape), box), rtol=1e-13)
        covered[tuple(slice(*ends) for ends in box)] += 1
    assert (covered == 1).all()
    inner: Box = ((2, 5), (1, 3))
    np.testing.assert_allclose(parts.of((inner, None))[0], wanted[0][2:5, 1:3], rtol=1e-13)


def primitives(function: Any) -> set[str]:
    return {equation.primitive.name for equation in jax.make_jaxpr(function)().eqns}


def test_the_middle_of_an_adjoint_is_made_of_shifts() -> None:
    """Without a pad, of which each cell would ask whether it is inside; whose rim has some."""
    u, slope = normal(12, 12), normal(10, 10)

    def laplacian(u: jax.Array) -> jax.Array:
        return u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1] ** 2

    def adjoint() -> Any:
        return jax.vjp(laplacian, u)[1](slope)[0]

    inner, *rim = parted(u.shape, 2)
    assert "pad" in primitives(adjoint)
    assert "pad" not in primitives(lambda: Parts(adjoint).of(inner))
    assert all("pad" in primitives(lambda box=box: Parts(adjoint).of(box)) for box in rim)


@pytest.mark.parametrize(
    ("name", "integrator"),
    [
        ("heat", "rkl2"),
        ("wave", "verlet"),
        *(pytest.param(*pair, marks=pytest.mark.long) for pair in (("limited", "ssprk3"), ("text, system", "rk4"))),
    ],
)
def test_stages_are_those_of_the_time_loop(name: str, integrator: str) -> None:
    """To the bit: what is differentiated is what was run."""
    case = case_of(name, 2, "float32")
    case["time"]["integrator"] = integrator
    steps, dt = 3, 1e-3
    fields, _ = outcome(case, steps, dt=dt)
    simulation, _ = settled(case)
    march, margins = simulation.problem.march, simulation.transport.margins
    block = Block(simulation.problem.grid.shape, march.width)
    beyond = [margin - march.width for margin in margins]

    def near(values: Fields) -> Fields:
        return {name: core(u, beyond) if u.ndim else u for name, u in values.items()}

    @jax.jit
    def ended(fields: Fields, coefficients: Fields, clock: Clock, count: jax.Array) -> Fields:
        rounds = Rounds(march.step, march.walls, (), march.grid, block, Alone(), coefficients, clock)
        history = History.of(rounds, fields, count, steps * march.stages)
        state, beside = history.at(count - 1, march.step)
        return Stage(march.step, march.grid, block, clock)(state, beside, coefficients, clock.first + count - 1)[0]

    count = jnp.int64(steps * march.stages)
    found = ended(near(simulation.fields), near(simulation.coefficients), Clock.of(0.0, 0, steps * dt / steps), count)
    for field, u in fields.items():
        np.testing.assert_array_equal(np.asarray(found[field]), u, err_msg=field)
