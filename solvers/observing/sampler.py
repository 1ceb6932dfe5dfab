"""Time series without leaving the compiled loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import Block
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.halo import exchange_halos
from solvers.march import March
from solvers.observing.observation import Observation, Scene
from solvers.patch import Patch
from solvers.rounds import Buffers, Clock
from solvers.wall import Setting


@dataclass(frozen=True)
class Sampler:
    """Marches, and takes all observations after every `every` steps, up to `capacity` times in one call."""

    march: March
    observations: Sequence[Observation]
    every: int
    capacity: int

    @property
    def in_a_turn(self) -> int:
        """Records come in groups of so many: after each of them both buffers are where they were."""
        return 1 + self.every * self.march.stages % 2

    def observe(
        self, block: Block, exchange: Exchange, fields: Fields, coefficients: Fields, time: jax.Array
    ) -> tuple[tuple[()], jax.Array]:
        """All observations of the fields at a time: float64[observations]."""
        setting = Setting(block, exchange, coefficients, time)
        walls = self.march.walls
        filled = {name: walls[name].fill(exchange_halos(fields[name], block, exchange), setting) for name in walls}
        patch = Patch(filled, coefficients, time, block.origin, self.march.grid, setting.rounded)
        scene = Scene(block, exchange, patch)
        return (), jnp.stack([jnp.asarray(observation(scene), jnp.float64) for observation in self.observations])

    def record(
        self,
        block: Block,
        exchange: Exchange,
        buffers: Buffers,
        coefficients: Fields,
        clock: Clock,
        records: jax.Array,
    ) -> tuple[Buffers, jax.Array]:
        """`records` times `every` steps and a row of the table, float64[capacity, 1 + observations], time first.

        `records` is traced, a multiple of `in_a_turn`, at most the capacity; rows beyond it are zero.
        """
        march = self.march
        stages = self.every * march.stages

        def one_record(number: jax.Array, buffers: Buffers, table: jax.Array) -> tuple[Buffers, jax.Array]:
            here = clock._replace(first=clock.first + number * stages)
            buffers, _ = march.even(block, exchange, buffers, coefficients, here, jnp.int64(stages - stages % 2))
            if stages % 2:
                last = here._replace(first=here.first + stages - 1)
                buffers, _ = march.single(block, exchange, buffers, coefficients, last)
            time = here.at(here.first + stages, march.step.times)
            _, row = self.observe(block, exchange, buffers.now, coefficients, time)
            return buffers, table.at[number].set(jnp.concatenate([time[None], row]))

        def one_turn(i: jax.Array, carried: tuple[Buffers, jax.Array]) -> tuple[Buffers, jax.Array]:
            for later in range(self.in_a_turn):
                carried = one_record(i * self.in_a_turn + later, *carried)
            return carried

        table = jnp.zeros((self.capacity, 1 + len(self.observations)))
        return lax.fori_loop(0, records // self.in_a_turn, one_turn, (buffers, table))
