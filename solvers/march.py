"""The time loop: two buffers in turn, and as many steps an exchange as the ghosts last for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
from jax import lax

from solvers.block import Block, core_index
from solvers.boundary import Sides, fill_boundaries
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.halo import exchange_halos
from solvers.integrators.step import Step


class Clock(NamedTuple):
    """Step number i begins at start + i·dt: a product, so that chunks of a loop do not move the time."""

    start: jax.Array  # float64
    first: jax.Array  # int64, the number of the next step
    dt: jax.Array  # float64


class Buffers(NamedTuple):
    """The fields as they are, and the memory where the next step will be written.  Ghosts may be stale."""

    now: Fields
    spare: Fields


@dataclass(frozen=True)
class March:
    """Advance blocks by many steps inside one compiled program.

    With g ghost layers and a step of width w, one exchange serves k = g // w steps: each consumes w layers,
    computing ghost cells redundantly, just as the neighbour computes them.

        exchange        step 1          step 2         …  step k
        |gggg|oooo|     |.ggg|oooo|     |..gg|oooo|       |....|oooo|      . no longer right

    Every step writes all cells but the outermost w layers; what is no longer right never gets as far as the
    interior.  Both buffers are meant to be donated, and are returned in turn.

    Raises ValueError where the ghosts do not last for one step.
    """

    step: Step
    sides: Mapping[str, Sides]
    spacing: Sequence[float]

    def steps_per_exchange(self, block: Block) -> int:
        if block.ghosts < self.step.width:
            raise ValueError(f"a step consumes {self.step.width} ghost layers; the block has {block.ghosts}")
        return block.ghosts // self.step.width

    def even(
        self,
        block: Block,
        exchange: Exchange,
        buffers: Buffers,
        coefficients: Fields,
        clock: Clock,
        steps: jax.Array,
    ) -> tuple[Buffers, dict[str, jax.Array]]:
        """`steps` steps, an even number, traced: one program serves every chunk of a run."""
        k = self.steps_per_exchange(block)
        turn = k if k % 2 == 0 else 2 * k

        def one_turn(i: jax.Array, buffers: Buffers) -> Buffers:
            first = clock.first + turn * i
            for half in range(turn // k):
                buffers = self._round(block, exchange, buffers, coefficients, clock, first + half * k, k)
            return buffers

        def one_pair(i: jax.Array, buffers: Buffers) -> Buffers:
            first = clock.first + turn * turns + 2 * i
            return self._round(block, exchange, buffers, coefficients, clock, first, 2)

        turns = steps // turn
        buffers = lax.fori_loop(0, turns, one_turn, buffers)
        if turn > 2:
            buffers = lax.fori_loop(0, (steps - turn * turns) // 2, one_pair, buffers)
        return buffers, {}

    def single(
        self, block: Block, exchange: Exchange, buffers: Buffers, coefficients: Fields, clock: Clock
    ) -> tuple[Buffers, dict[str, jax.Array]]:
        """One step: what is left of an odd number."""
        return self._round(block, exchange, buffers, coefficients, clock, clock.first, 1), {}

    def _round(
        self,
        block: Block,
        exchange: Exchange,
        buffers: Buffers,
        coefficients: Fields,
        clock: Clock,
        first: jax.Array,
        steps: int,
    ) -> Buffers:
        """One exchange and the `steps` steps that it serves."""
        now = {name: exchange_halos(u, block, exchange) for name, u in buffers.now.items()}
        buffers = Buffers(now, buffers.spare)

        def pair(j: jax.Array, buffers: Buffers) -> Buffers:
            buffers = self._advance(block, exchange, buffers, coefficients, clock, first + 2 * j)
            return self._advance(block, exchange, buffers, coefficients, clock, first + 2 * j + 1)

        if steps > 3:
            buffers = lax.fori_loop(0, steps // 2, pair, buffers)
        elif steps > 1:
            buffers = pair(first * 0, buffers)
        if steps % 2:
            buffers = self._advance(block, exchange, buffers, coefficients, clock, first + steps - 1)
        return buffers

    def _advance(
        self,
        block: Block,
        exchange: Exchange,
        buffers: Buffers,
        coefficients: Fields,
        clock: Clock,
        number: jax.Array,
    ) -> Buffers:
        """One step out of `now` into `spare`, and their roles changed."""
        width = self.step.width
        now = {
            name: fill_boundaries(u, self.sides[name], self.spacing, width, block, exchange)
            for name, u in buffers.now.items()
        }
        new = self.step(now, coefficients, clock.start + number * clock.dt, clock.dt)
        written = {name: u.at[core_index(u.ndim, width)].set(new[name]) for name, u in buffers.spare.items()}
        return Buffers(written, now)
