"""The time loop backwards: how what it leads to hangs on what it begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import jax
import jax.numpy as jnp

from solvers.adjoint.ghosts import returned
from solvers.adjoint.history import History
from solvers.adjoint.slopes import Slopes, through
from solvers.adjoint.stage import Stage
from solvers.block import Block, core, with_margin
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.integrators.step import Step
from solvers.native_loop import native_loop
from solvers.once import once
from solvers.reductions import exact_sum
from solvers.rounds import Clock, Rounds
from solvers.wall import Setting
from solvers.walls import Walls

_Half: TypeAlias = tuple[Fields, Slopes, tuple[History, Fields]]
"""Memory that is spare, the slopes after a stage, and what it reads."""


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
        slopes: Fields,
        fields: Fields,
        coefficients: Fields,
        clock: Clock,
        steps: jax.Array,
    ) -> tuple[Fields, Fields]:
        """Carry slopes back through `steps` steps, at most `most`, that begin with `fields`.  A program.

        slopes: ∂L/∂ of the fields after the last of these steps, and ∂L/∂ of the coefficients by way of all later ones;
        ghosted blocks, zero in ghosts, or, of a coefficient that is a number, float64[], the same on all blocks.
        Returns the same before the first step: the blocks, then the numbers.
        """
        width, stages = self.step.width, len(self.step.times)
        farther = [margin - width for margin in block.margins]
        near = replace(block, ghosts=width, margins=(width,) * block.ndim)
        seen = {name: core(c, farther) if c.ndim else c for name, c in coefficients.items()}
        rounds = Rounds(self.step, self.walls, (), self.grid, near, exchange, seen, clock)
        stage, count = Stage(self.step, self.grid, near, clock), steps * stages
        history = History.of(rounds, {name: core(u, farther) for name, u in fields.items()}, count, self.most * stages)

        end = {name: core(slopes[name], farther) for name in fields}
        after = Slopes.after(end, history.at(count, self.step)[1], seen)
        found = self._swept(stage, rounds, history, count, after)
        arrays = {name: with_margin(slope, farther) for name, slope in found.fields.items()}
        numbers: Fields = {}
        setting = Setting(near, exchange, {}, clock.start)
        for name, slope in found.coefficients.items():
            if slope.ndim:
                of_cells, _ = returned(slope, slope, self.beyond[name], setting, {})
                arrays[name] = slopes[name] + with_margin(of_cells, farther)
            else:
                numbers[name] = slopes[name] + exact_sum(slope, self.grid.cells, exchange)
        return arrays, numbers

    def _swept(self, stage: Stage, rounds: Rounds, history: History, count: jax.Array, after: Slopes) -> Slopes:
        """Through the last stage first, from what is `after` all of them."""

        def back(i: jax.Array, after: Slopes, spare: Fields, seen: tuple[History, Fields]) -> tuple[Slopes, Fields]:
            """What is before it, and the memory that this no longer takes."""
            (history, coefficients), number = seen, count - 1 - i
            (fields, beside), here = history.at(number, self.step), rounds.clock.first + number
            before = through(stage, after, spare, fields, beside, coefficients, here)
            return self._of_cells(before, fields, rounds.setting(here)), after.fields

        def pair(j: jax.Array, state: tuple[Slopes, Fields]) -> tuple[Slopes, Fields]:
            def second(state: _Half) -> _Half:
                spare, after, seen = state
                before, spare = back(2 * j + 1, after, spare, seen)
                return before.fields, before._replace(fields=spare), seen

            # After two of them what is read and what is written lie where they lay.  All that the second one reads goes
            # through, or XLA would keep what can be made of it before it knows whether that is wanted.
            seen = history, rounds.coefficients
            before, spare = back(2 * j, *state, seen)
            fields, rest, _ = once(2 * j + 1 < count, second, (spare, before, seen))
            return rest._replace(fields=fields), rest.fields

        spare = jax.tree.map(jnp.zeros_like, after.fields)
        found, spare = native_loop((count + 1) // 2, pair, (after, spare))
        # Of an odd number the last one has left them where others are spare.
        fields = {name: jnp.where(count % 2 == 1, spare[name], slope) for name, slope in found.fields.items()}
        return found._replace(fields=fields)

    def _of_cells(self, slopes: Slopes, state: Fields, setting: Setting) -> Slopes:
        """Slopes of fields with ghosts as those of their cells."""
        fields, coefficients = {}, slopes.coefficients
        for name, walls in self.walls.items():
            fields[name], coefficients = returned(slopes.fields[name], state[name], walls, setting, coefficients)
        return slopes._replace(fields=fields, coefficients=coefficients)
