"""The time loop: two buffers in turn, and as many steps an exchange as the ghosts last for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import Block
from solvers.boundary import Walls
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.integrators.step import Step
from solvers.rounds import Buffers, Clock, Rounds


@dataclass(frozen=True)
class March:
    """Advance blocks by many steps inside one compiled program.

    With g ghost layers and a step of width w, one exchange serves k = g // w steps: each consumes w layers,
    computing ghost cells redundantly, just as the neighbour computes them.

        exchange        step 1          step 2         …  step k
        |gggg|oooo|     |.ggg|oooo|     |..gg|oooo|       |....|oooo|      . no longer right

    Every step writes all cells but the outermost w layers; what is no longer right never gets as far as the
    interior.  The k steps are taken by the whole block, one after the other, or, where that pays, in slabs of
    `slab` layers that stay in cache for all k; the numbers are the same.  Both buffers are meant to be donated,
    and are returned in turn.

    Raises ValueError where the ghosts do not last for one step.
    """

    step: Step
    walls: Mapping[str, Walls]
    slab: int | None = None

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
        rounds = Rounds(self.step, self.walls, self.slab, block, exchange, coefficients, clock)
        # The loop must end with both buffers where they were, and so must each turn of it.
        in_a_turn = 1 + k % 2

        def one_turn(i: jax.Array, buffers: Buffers) -> Buffers:
            taken = i * (in_a_turn * k)
            for later in reversed(range(in_a_turn)):
                count = jnp.minimum(k, steps - taken - later)
                buffers = rounds.take(buffers, taken, count, at_most=k)
                taken = taken + count
            return buffers

        turns = (steps + in_a_turn * k - 1) // (in_a_turn * k)
        return lax.fori_loop(0, turns, one_turn, buffers), {}

    def single(
        self, block: Block, exchange: Exchange, buffers: Buffers, coefficients: Fields, clock: Clock
    ) -> tuple[Buffers, dict[str, jax.Array]]:
        """One step: what is left of an odd number."""
        rounds = Rounds(self.step, self.walls, None, block, exchange, coefficients, clock)
        return rounds.take(buffers, jnp.int64(0), jnp.int64(1), at_most=1), {}
