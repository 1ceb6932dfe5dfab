"""Implicit steps: their order in time, and what they leave of a step that can't be taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers.block import Block
from solvers.boundary import Dirichlet
from solvers.equations import Heat
from solvers.exchange import Alone
from solvers.grid import Grid
from solvers.implicit.bdf2 import Bdf2
from solvers.implicit.march import ImplicitMarch, ImplicitStep
from solvers.implicit.newton import Newton
from solvers.implicit.runge_kutta import ImplicitRungeKutta
from solvers.implicit.tableaux import TABLEAUX, ImplicitTableau
from solvers.operators import laplacian
from solvers.rounds import Buffers, Clock
from solvers.stencil import Stencil
from solvers.walls import Walls

N, END = 16, 0.1
GRID = Grid((N,), (0.0,), (1.0,), (False,))
X = (np.arange(N) + 0.5) / N
# Of the discrete Laplacian, for the sine.
RATE = 4 * N**2 * np.sin(np.pi / (2 * N)) ** 2


def march_by(step: ImplicitStep, tolerance: float = 1e-13, most: int = 10) -> ImplicitMarch:
    heat = Heat(Stencil(laplacian(GRID.spacing), "slices"))
    walls = {"u": Walls([(Dirichlet(), Dirichlet())], GRID, 1)}
    return ImplicitMarch(step, heat, walls, GRID, Newton("cg", True, tolerance, most, 5 * most))


def marched(march: ImplicitMarch, *step_counts: int) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """From a sine to the end in so many steps; the program is compiled once."""
    program = jax.jit(lambda *arguments: march.even(Block((N,), 1), Alone(), *arguments))
    found = []
    for steps in step_counts:
        buffers: Buffers = march.buffers({"u": jnp.pad(jnp.sin(np.pi * X), 1)})
        clock = Clock(jnp.float64(0.0), jnp.int64(0), jnp.float64(END / steps))
        buffers, effort = program(buffers, {"alpha": jnp.float64(1.0)}, clock, jnp.int64(steps))
        found.append((np.asarray(buffers.now["u"])[1:-1], jax.tree.map(np.asarray, effort)))
    return found


STEPS = [*(ImplicitRungeKutta(tableau) for tableau in TABLEAUX.values()), Bdf2(("u",))]


@pytest.mark.long
@pytest.mark.parametrize(
    ("step", "order"),
    [*((ImplicitRungeKutta(tableau), tableau.order) for tableau in TABLEAUX.values()), (Bdf2(("u",)), 2)],
    ids=[*(tableau.name for tableau in TABLEAUX.values()), "bdf2"],
)
def test_the_order_in_time(step: ImplicitStep, order: int) -> None:
    counts = (16, 32, 64)
    results = marched(march_by(step), *counts)
    errors = [np.abs(u - np.exp(-RATE * END) * np.sin(np.pi * X)).max() for u, _ in results]
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert slope == pytest.approx(order, abs=0.1)
    for steps, (_, effort) in zip(counts, results, strict=True):
        assert effort["taken"] == steps and not effort["failed"] and effort["krylov"] < 8 * effort["newton"]


@pytest.mark.parametrize("tableau", TABLEAUX.values(), ids=lambda t: t.name)
def test_the_conditions_on_a_tableau(tableau: ImplicitTableau) -> None:
    """Both parts are consistent at every stage but an explicit one's, and of the order claimed at the last."""
    implicit, explicit, c = tableau.implicit, tableau.explicit, np.array(tableau.times)
    assert [len(row) for row in implicit] == list(range(1, len(implicit) + 1)) and c[-1] == pytest.approx(1.0)
    for rows in (implicit, explicit) if explicit else (implicit,):
        for row, time in zip(rows, c, strict=True):
            assert sum(row) == pytest.approx(time)
        if tableau.order == 2:
            assert sum(a * t for a, t in zip(rows[-1], c, strict=False)) == pytest.approx(0.5)


def test_a_step_that_can_not_be_taken_leaves_the_fields_as_they_were() -> None:
    march = march_by(STEPS[0], tolerance=1e-15, most=1)
    march = replace(march, newton=replace(march.newton, most_krylov=1))
    ((u, effort),) = marched(march, 1)
    assert effort["failed"] and effort["taken"] == 0 and effort["residual"] > 1e-15 and effort["newton"] == 1
    np.testing.assert_array_equal(u, np.sin(np.pi * X))
