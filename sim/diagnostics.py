"""The numbers that a run says of its fields, as programs of one block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from sim.case import Case, Neumann, Periodic
from sim.transport.protocol import Program
from solvers.block import Block, core
from solvers.equations import Equation
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.halo import exchange_halos
from solvers.measures import count_nonfinite, measure, norms
from solvers.patch import Patch
from solvers.reductions import maximum
from solvers.wall import Setting
from solvers.walls import Walls

Scalars = tuple[tuple[()], dict[str, Any]]


def blow_up() -> Program:
    """(fields) → cells that are not finite, by field."""

    def program(block: Block, exchange: Exchange, fields: Fields) -> Scalars:
        return (), {name: count_nonfinite(u, block, exchange) for name, u in fields.items()}

    return program


def statistics(cells: int) -> Program:
    """(fields) → min, max and mean, by field."""

    def program(block: Block, exchange: Exchange, fields: Fields) -> Scalars:
        return (), {name: measure(u, block, cells, exchange) for name, u in fields.items()}

    return program


def errors(cells: int) -> Program:
    """(fields, exact fields) → l2 and max of the difference, by field."""

    def program(block: Block, exchange: Exchange, fields: Fields, exact: Fields) -> Scalars:
        return (), {name: norms(fields[name], exact[name], block, cells, exchange) for name in exact}

    return program


def fastest(equation: Equation, walls: Mapping[str, Walls], grid: Grid, where_finite: bool = False) -> Program:
    """(fields, coefficients, time) → the largest rates of the equation anywhere, as `decay` and `wave`.

    `where_finite`: of those that are finite alone, -inf where none is.
    """

    def program(block: Block, exchange: Exchange, fields: Fields, coefficients: Fields, time: jax.Array) -> Scalars:
        setting = Setting(block, exchange, coefficients, time)
        filled = {name: walls[name].fill(exchange_halos(u, block, exchange), setting) for name, u in fields.items()}
        rates = equation.rates(Patch(filled, coefficients, time, block.origin, grid, setting.rounded))
        found = {name: jnp.asarray(rate, jnp.float64) for name, rate in rates._asdict().items()}
        if where_finite:
            found = {name: jnp.where(jnp.isfinite(rate), rate, -jnp.inf) for name, rate in found.items()}
        return (), {name: _largest(rate, block, exchange) for name, rate in found.items()}

    return program


def _largest(rate: jax.Array, block: Block, exchange: Exchange) -> jax.Array:
    """The maximum over the cells that count of an array with ghosts, some or all of them; or of a scalar."""
    if rate.ndim == 0:
        return rate
    left = [(there - here) // 2 for there, here in zip(rate.shape, block.shape, strict=True)]
    return maximum(jnp.where(block.owned(), core(rate, left), -jnp.inf), exchange)


def inflow(case: Case) -> float | None:
    """What flows in through all walls per time, Σ flux · area; None where a wall's flow is not given."""
    grid = case.to_grid()
    total = 0.0
    for axis, sides in enumerate(case.boundary.axes):
        area = grid.cell_volume * grid.cells / (grid.upper[axis] - grid.lower[axis])
        for side in (sides.lower, sides.upper):
            if isinstance(side, Periodic):
                continue
            if not isinstance(side, Neumann) or isinstance(side.flux, str):
                return None
            total += side.flux * area
    return total


def balances(case: Case) -> bool:
    """Whether walls and the equation's source alone explain all change of u's integral, in time."""
    ring = all(isinstance(sides.lower, Periodic) for sides in case.boundary.axes)
    acts = case.sources or case.regions
    return not case.time.steady and not acts and case.equation.conserves(ring) and inflow(case) is not None


def drift(
    case: Case,
    before: dict[str, dict[str, float]],
    after: dict[str, dict[str, float]],
    source_mean: float,
    elapsed: float,
) -> float | None:
    """The change of u's integral that walls and source do not explain, relative to max|u| · volume.

    None where that is nothing to expect (`balances`).
    """
    through_walls = inflow(case) if balances(case) else None
    if through_walls is None:
        return None
    grid, initial, final = case.to_grid(), before["u"], after["u"]
    expected = initial["mean"] + elapsed * (source_mean + through_walls / (grid.cell_volume * grid.cells))
    scale = max(abs(value) for s in (initial, final) for value in (s["min"], s["max"]))
    return abs(final["mean"] - expected) / scale if scale else 0.0
