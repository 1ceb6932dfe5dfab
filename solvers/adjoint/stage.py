"""One stage of a step as a plain function of a block and its ghosts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp

from solvers.block import Block, core, with_margin
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.integrators.step import Step
from solvers.patch import Patch
from solvers.rounding import Rounding
from solvers.rounds import Clock


@dataclass(frozen=True)
class Stage:
    """(state, coefficients, number of the stage) → what the time loop makes of it, to the bit.

    Unlike the loop it works on whole blocks, not in place, and without loops of unknown length, so that JAX can
    differentiate it.  fields, and coefficients that vary: dtype[block.ghosted_shape], with filled ghosts, as many as
    the step is wide.  beside: without ghosts, the step's registers and, where it looks back, the fields one stage
    earlier, "u:before".  Results are without ghosts.
    """

    step: Step
    grid: Grid
    block: Block
    clock: Clock

    @property
    def count(self) -> int:
        """Stages of a step."""
        return len(self.step.times)

    def __call__(
        self, fields: Fields, beside: Fields, coefficients: Fields, number: jax.Array
    ) -> tuple[Fields, Fields]:
        width, dt = self.step.width, self.clock.dt
        index = number % self.count if self.count > 1 else 0
        time = self.clock.at(number, self.step.times)
        patch = Patch(fields, coefficients, time, self.block.origin, self.grid, Rounding.by(self.clock.start))
        kept = {name: beside[name] for name in self.step.registers}
        if kept:
            begun = self.step.begin(patch, dt)
            kept = {name: jnp.where(index == 0, begun[name], old) for name, old in kept.items()}
        seen = {name: with_margin(u, width) for name, u in {**beside, **kept}.items()}
        new = self.step(replace(patch, fields={**fields, **seen}), index, dt)
        before = {f"{name}:before": core(u, width) for name, u in fields.items()} if self.step.looks_back else {}
        return new, {**kept, **before}
