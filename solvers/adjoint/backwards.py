"""The time loop backwards: how what it leads to hangs on what it begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from solvers.adjoint.returning import Returning
from solvers.adjoint.stage import Stage
from solvers.block import Block, core, with_margin
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.halo import exchange_halos
from solvers.integrators.step import Step
from solvers.reductions import exact_sum
from solvers.rounds import Clock
from solvers.wall import Setting
from solvers.walls import Walls

Slopes: TypeAlias = Fields
"""∂L/∂ of fields and coefficients, by their names: of what varies ghosted blocks, zero in ghosts; of numbers float64[],
the same on all blocks."""


@dataclass(frozen=True)
class Backwards:
    """λ(t) = ∂L/∂u(t), from the end to the beginning, and ∂L/∂c of the coefficients: for a stage u' = S(u, c)

        λ = (∂S/∂u)ᵀ λ',        ∂L/∂c = Σ over all stages (∂S/∂c)ᵀ λ'.

    It is the gradient of the steps as they are taken, exact to rounding, the length of a step being given.  That
    rounding knows how the grid is cut: slopes of ghosts are added to those of the cells that they are copies of.
    `beyond` fill the ghosts of coefficients, by their names.  Of at most `most` steps at a time all states are kept.

    Griewank & Walther 2008, Evaluating Derivatives (doi:10.1137/1.9780898717761).
    """

    step: Step
    walls: Mapping[str, Walls]
    beyond: Mapping[str, Walls]
    grid: Grid
    most: int

    def through(
        self,
        block: Block,
        exchange: Exchange,
        slopes: Slopes,
        fields: Fields,
        coefficients: Fields,
        clock: Clock,
        steps: jax.Array,
    ) -> tuple[Fields, Fields]:
        """Through `steps` steps, `most` at most, which begin with `fields`: from the slopes of what they lead to, to
        those of what they begin with, first what varies and then the numbers.  A program.
        """
        margins, width = block.margins, self.step.width
        near = replace(block, ghosts=width, margins=(width,) * block.ndim)
        stage = Stage(self.step, self.walls, self.grid, near, Returning(exchange), clock)
        seen = {name: core(c, [m - width for m in margins]) if c.ndim else c for name, c in coefficients.items()}
        count = steps * stage.count
        states = self._states(stage, {name: core(u, margins) for name, u in fields.items()}, seen, count)

        def back(i: jax.Array, slopes: tuple[Fields, Fields]) -> tuple[Fields, Fields]:
            number = count - 1 - i
            state = {name: lax.dynamic_index_in_dim(u, number, keepdims=False) for name, u in states.items()}
            _, pull = jax.vjp(lambda state, c: stage(state, c, clock.first + number), state, seen)
            of_state, of_coefficients = pull(slopes[0])
            # Numbers hang on all cells at all times: what they add up to is more than their own type holds well.
            return of_state, {
                name: total + of_coefficients[name].astype(total.dtype) for name, total in slopes[1].items()
            }

        end = {name: core(slopes[name], margins) for name in fields}
        end |= {name: jnp.zeros_like(next(iter(end.values()))) for name in stage.beside}
        none = {name: jnp.zeros_like(c, dtype=None if c.ndim else jnp.float64) for name, c in seen.items()}
        begun, through = lax.fori_loop(0, count, back, (end, none))
        found = {name: with_margin(begun[name], margins) for name in fields}
        numbers: Fields = {}
        for name, c in through.items():
            if c.ndim:
                found[name] = slopes[name] + with_margin(self._of_cells(name, c, near, stage.exchange), margins)
            else:
                numbers[name] = slopes[name] + exact_sum(c, self.grid.cells, exchange)
        return found, numbers

    def _states(self, stage: Stage, cells: Fields, coefficients: Fields, count: jax.Array) -> Fields:
        """Those from which `count` stages start, one after the other, [most stages, …] each."""
        first = next(iter(cells.values()))
        begun = {**cells, **{name: jnp.zeros_like(first) for name in stage.beside}}
        room = {name: jnp.zeros((self.most * stage.count, *u.shape), u.dtype) for name, u in begun.items()}

        def one(i: jax.Array, kept: tuple[Fields, Fields]) -> tuple[Fields, Fields]:
            state, states = kept
            states = {name: lax.dynamic_update_index_in_dim(states[name], u, i, 0) for name, u in state.items()}
            return stage(state, coefficients, stage.clock.first + i), states

        return lax.fori_loop(0, count, one, (begun, room))[1]

    def _of_cells(self, name: str, slope: jax.Array, block: Block, exchange: Exchange) -> jax.Array:
        """The slope of a coefficient with ghosts, as that of its cells alone."""
        setting = Setting(block, exchange, {}, jnp.float64(0.0))

        def filled(cells: jax.Array) -> jax.Array:
            halos = exchange_halos(with_margin(cells, self.step.width), block, exchange)
            return self.beyond[name].fill(halos, setting)

        (of_cells,) = jax.vjp(filled, jnp.zeros(block.shape, slope.dtype))[1](slope)
        return jnp.where(block.owned(), of_cells, 0.0)
