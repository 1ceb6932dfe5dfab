"""What gradients are made of: the adjoint of an exchange of halos, and a stage as a plain function."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers.adjoint.returning import Returning
from solvers.adjoint.stage import Stage
from solvers.block import Block, core
from solvers.exchange import Alone
from solvers.fields import Fields
from solvers.halo import exchange_halos
from solvers.rounds import Clock
from tests.equations import case_of, outcome, settled


class Ring(Alone):
    """Blocks along the first axis, mapped over by name."""

    def shift(self, strip: jax.Array, axis: int, step: int) -> jax.Array:
        parts = 3
        if axis > 0:
            return strip
        return jax.lax.ppermute(strip, "blocks", [(i, (i + step) % parts) for i in range(parts)])


@pytest.mark.parametrize("ring", [False, True])
def test_the_halos_of_x_times_y_are_x_times_what_comes_back_of_y(ring: bool) -> None:
    """⟨H x, y⟩ = ⟨x, Hᵀ y⟩, over all blocks."""
    block = Block((5, 4), 2)
    x, y = (np.random.default_rng(seed).normal(size=(3, *block.ghosted_shape)) for seed in (1, 2))

    def both(x: Any, y: Any) -> tuple[Any, Any]:
        there, back = jax.vjp(lambda u: exchange_halos(u, block, Returning(Ring() if ring else Alone())), x)
        return there, back(y)[0]

    there, back = jax.vmap(both, axis_name="blocks")(jnp.asarray(x), jnp.asarray(y))
    assert float((there * y).sum()) == pytest.approx(float((x * back).sum()), rel=1e-13)
    # Ghosts are written over: nothing hangs on what they held.
    assert not np.asarray(back)[:, 0].any() and np.asarray(back)[:, 2:-2, 2:-2].all()


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
    march = simulation.problem.march
    margins = simulation.transport.margins
    block = Block(simulation.problem.grid.shape, march.width)
    clock = Clock.of(0.0, 0, steps * dt / steps)
    stage = Stage(march.step, march.walls, march.grid, block, Alone(), clock)
    state = {field: core(u, margins) for field, u in simulation.fields.items()}
    state |= {beside: jnp.zeros(block.shape, jnp.float32) for beside in stage.beside}
    near = [margin - march.width for margin in margins]
    coefficients = {c: core(u, near) if u.ndim else u for c, u in simulation.coefficients.items()}

    @jax.jit
    def one(state: Fields, coefficients: Fields, clock: Clock, number: jax.Array) -> Fields:
        return replace(stage, clock=clock)(state, coefficients, number)

    for number in range(steps * stage.count):
        state = one(state, coefficients, clock, jnp.int64(number))
    for field, u in fields.items():
        np.testing.assert_array_equal(np.asarray(state[field]), u, err_msg=field)
