"""One stage of a step as a plain function of what the block is then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp

from solvers.block import Block, with_margin
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.halo import exchange_halos
from solvers.integrators.step import Step
from solvers.patch import Patch
from solvers.rounding import Rounding
from solvers.rounds import Clock
from solvers.wall import Setting
from solvers.walls import Walls


@dataclass(frozen=True)
class Stage:
    """(state, coefficients, number of the stage) → the next state, to the bit what the time loop makes of it.

    But it is neither in place nor in tiles, and without loops of unknown length, so that JAX can turn it round.
    A state: the cells of fields, of the step's registers, and of the fields a stage before, "u:before", where it
    looks back; dtype[block.shape] each, zero in padding.  block: of as many ghosts as the step is wide, which
    coefficients that vary have as well.
    """

    step: Step
    walls: Mapping[str, Walls]
    grid: Grid
    block: Block
    exchange: Exchange
    clock: Clock

    @property
    def count(self) -> int:
        """Stages of a step."""
        return len(self.step.times)

    @property
    def beside(self) -> list[str]:
        """What a state holds beside the fields."""
        before = [f"{name}:before" for name in self.walls] if self.step.looks_back else []
        return [*self.step.registers, *before]

    def __call__(self, state: Fields, coefficients: Fields, number: jax.Array) -> Fields:
        width, times = self.step.width, self.step.times
        index = number % self.count if self.count > 1 else 0
        patch = self._patch(state, coefficients, self.clock.at(number, times))
        kept = {name: state[name] for name in self.step.registers}
        if kept:
            begun = self.step.begin(patch, self.clock.dt)
            kept = {name: jnp.where(index == 0, begun[name], old) for name, old in kept.items()}
            registers = {name: with_margin(u, width) for name, u in kept.items()}
            patch = replace(patch, fields={**patch.fields, **registers})
        new = {**self.step(patch, index, self.clock.dt), **kept}
        if self.step.looks_back:
            new |= {f"{name}:before": state[name] for name in self.walls}
        return {name: jnp.where(self.block.owned(), u, 0.0) for name, u in new.items()}

    def _patch(self, state: Fields, coefficients: Fields, time: jax.Array) -> Patch:
        setting = Setting(self.block, self.exchange, coefficients, time)
        ghosted = {name: with_margin(u, self.step.width) for name, u in state.items()}
        for name, walls in self.walls.items():
            ghosted[name] = walls.fill(exchange_halos(ghosted[name], self.block, self.exchange), setting)
        return Patch(ghosted, coefficients, time, self.block.origin, self.grid, Rounding.by(self.clock.start))
