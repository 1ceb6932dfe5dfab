"""The time loop: two buffers in turn, and as many stages an exchange as the ghosts last for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.block import Block
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.integrators.step import Step
from solvers.native_loop import native_loop
from solvers.rounds import Buffers, Clock, Rounds
from solvers.walls import Walls


@dataclass(frozen=True)
class March:
    """Advance blocks by many stages of steps inside one compiled program.

    With g ghost layers and stages of width w, one exchange serves k = g // w of them: each consumes w layers,
    computing ghost cells redundantly, just as the neighbour computes them.

        exchange        stage 1         stage 2        …  stage k
        |gggg|oooo|     |.ggg|oooo|     |..gg|oooo|       |....|oooo|      . no longer right

    Every stage writes all cells but the outermost w layers; what is no longer right never gets as far as the
    interior.  Along an axis that a block has for itself it writes the interior alone, and ghosts are filled from
    that after each stage.  The k stages are taken by the whole block, one after the other, or, where that pays, in
    tiles that stay in cache for all k; the numbers are the same.  `tile`: how many cells along each of the first
    axes, 0 for all of them.  Both buffers are meant to be donated, and are returned in turn.  `walls` names the
    fields that evolve; buffers hold the step's registers too.  `begun`: the stages to be taken are the last ones of
    a step whose registers are there (`solvers.rounds`).

    Raises ValueError where the ghosts do not last for one stage.
    """

    step: Step
    walls: Mapping[str, Walls]
    grid: Grid
    tile: Sequence[int] = ()
    begun: bool = False

    @property
    def width(self) -> int:
        """Ghost layers that a stage consumes."""
        return self.step.width

    in_pairs = True
    """Whether stages are taken two by two, so that the buffers are where they were."""

    @property
    def stages(self) -> int:
        """Stages of a step."""
        return len(self.step.times)

    def buffers(self, fields: Fields) -> Buffers:
        """The fields as they are with the memory that marching them takes."""
        first = next(iter(fields.values()))
        registers = {name: jnp.zeros_like(first) for name in self.step.registers}
        return Buffers({**fields, **registers}, {name: jnp.zeros_like(u) for name, u in fields.items()})

    def stages_per_exchange(self, block: Block) -> int:
        if block.ghosts < self.step.width:
            raise ValueError(f"a stage consumes {self.step.width} ghost layers; the block has {block.ghosts}")
        return block.ghosts // self.step.width

    def turn(self, k: int) -> int:
        """The fewest steps that are whole turns of the loop, at k stages an exchange."""
        return math.lcm(stages_in_a_turn(k), self.stages) // self.stages

    def even(
        self,
        block: Block,
        exchange: Exchange,
        buffers: Buffers,
        coefficients: Fields,
        clock: Clock,
        stages: jax.Array,
    ) -> tuple[Buffers, dict[str, jax.Array]]:
        """`stages` stages, an even number, traced: one program serves every chunk of a run."""
        k = self.stages_per_exchange(block)
        rounds = self._rounds(self.tile, block, exchange, coefficients, clock)
        in_a_turn = stages_in_a_turn(k) // k

        def one_turn(i: jax.Array, buffers: Buffers) -> Buffers:
            taken = i * (in_a_turn * k)
            for later in reversed(range(in_a_turn)):
                # Odd like k where a turn is two rounds: one stage at least is left for the second, 2 are 1 + 1.
                count = jnp.minimum(k, stages - taken - later)
                buffers = rounds.take(buffers, taken, count, at_most=k)
                taken = taken + count
            return buffers

        turns = (stages + in_a_turn * k - 1) // (in_a_turn * k)
        return native_loop(turns, one_turn, buffers), {}

    def single(
        self, block: Block, exchange: Exchange, buffers: Buffers, coefficients: Fields, clock: Clock
    ) -> tuple[Buffers, dict[str, jax.Array]]:
        """One stage: what is left of an odd number."""
        rounds = self._rounds((), block, exchange, coefficients, clock)
        return rounds.take(buffers, jnp.int64(0), jnp.int64(1), at_most=1), {}

    def _rounds(
        self, tile: Sequence[int], block: Block, exchange: Exchange, coefficients: Fields, clock: Clock
    ) -> Rounds:
        return Rounds(self.step, self.walls, tile, self.grid, block, exchange, coefficients, clock, self.begun)


def stages_in_a_turn(k: int) -> int:
    """Stages in a turn of the loop, at k an exchange: each turn must end with both buffers where they were."""
    return k * (1 + k % 2)
