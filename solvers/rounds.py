"""One exchange, and the stages that it serves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import Block, Count, Layers, core_index, with_core_layers
from solvers.exchange import LOWER, UPPER, Exchange
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.halo import exchange_halos
from solvers.integrators.step import Step
from solvers.patch import Patch
from solvers.rounding import Rounding
from solvers.wall import Setting
from solvers.walls import Walls
from solvers.wavefront import Buffered, Slabs, sweep


class Clock(NamedTuple):
    """Step number i begins at start + i·dt: a product, so that chunks of a loop do not move the time."""

    start: jax.Array  # float64
    first: jax.Array  # int64, the number of the next stage, counting all stages of all steps
    dt: jax.Array  # float64

    def at(self, stage: jax.Array, times: Sequence[float]) -> jax.Array:
        """The time of the fields that a stage starts from, `times` being those of all stages within a step."""
        count = len(times)
        within = jnp.asarray(times)[stage % count] if count > 1 else 0.0
        return self.start + Rounding.by(self.dt)((stage // count + within) * self.dt)


class Buffers(NamedTuple):
    """The fields as they are, and the memory where the next step will be written.  Ghosts may be stale."""

    now: Fields
    spare: Fields


@dataclass(frozen=True)
class Rounds:
    """Rounds of stages on one block: by the whole block, one after the other, or in slabs of about `slab` layers."""

    step: Step
    walls: Mapping[str, Walls]
    slab: int | None
    grid: Grid
    block: Block
    exchange: Exchange
    coefficients: Fields
    clock: Clock

    def take(self, buffers: Buffers, taken: jax.Array, count: jax.Array, at_most: int) -> Buffers:
        """One exchange, and `count` stages after the `taken` ones.  `count` is traced, `at_most` has its parity."""
        first = self.clock.first + taken
        buffers = Buffers(self._exchanged(buffers.now, at_most), buffers.spare)
        layers, *across = self.block.ghosted_shape
        slabs = Slabs.fit(layers - 2 * self.width, self.slab, self.width, math.prod(across))
        if at_most == 1 or slabs.count == 1:
            return self._whole(buffers, first, count, at_most)
        buffers = self._in_slabs(buffers, slabs, first, count)
        return Buffers(buffers.spare, buffers.now) if at_most % 2 else buffers

    @property
    def width(self) -> int:
        return self.step.width

    def _exchanged(self, fields: Fields, at_most: int) -> Fields:
        # Registers have no neighbours: a round needs them beyond the block only if it begins within a step, and
        # its first stage is not also its last.
        within = at_most > 1 and at_most % len(self.step.times) != 0
        return {
            name: exchange_halos(u, self.block, self.exchange) if within or name in self.walls else u
            for name, u in fields.items()
        }

    def _whole(self, buffers: Buffers, first: jax.Array, count: jax.Array, at_most: int) -> Buffers:
        def pair(j: jax.Array, buffers: Buffers) -> Buffers:
            return self._advance(self._advance(buffers, first + 2 * j), first + 2 * j + 1)

        if at_most > 1:
            buffers = lax.fori_loop(0, count // 2, pair, buffers)
        if at_most % 2:
            buffers = self._advance(buffers, first + count - 1)
        return buffers

    def _advance(self, buffers: Buffers, number: jax.Array) -> Buffers:
        """One stage out of `now` into `spare`, and their roles changed."""
        now = self._filled(buffers.now, number)
        new = self._stage(Layers(0, self.block.ghosted_shape[0]), now, self.coefficients, number)
        written = {name: u.at[core_index(u.ndim, self.width)].set(new[name]) for name, u in buffers.spare.items()}
        return Buffers(written, now)

    def _stage(self, rows: Layers, fields: Fields, coefficients: Fields, number: jax.Array) -> Fields:
        """Stage `number` of some layers of the block, ghosts included, which fields and coefficients hold."""
        time = self.clock.at(number, self.step.times)
        start, *across = self.block.origin
        patch = Patch(fields, coefficients, time, (start + rows.start, *across), self.grid, Rounding.by(time))
        stages = len(self.step.times)
        return self.step(patch, number % stages if stages > 1 else 0, self.clock.dt)

    def _setting(self, number: jax.Array) -> Setting:
        """What surrounds the fields that stage `number` starts from."""
        return Setting(self.block, self.exchange, self.coefficients, self.clock.at(number, self.step.times))

    def _filled(self, fields: Fields, number: jax.Array) -> Fields:
        setting = self._setting(number)
        return {name: self.walls[name].fill(u, setting) if name in self.walls else u for name, u in fields.items()}

    def _in_slabs(self, buffers: Buffers, slabs: Slabs, first: jax.Array, count: jax.Array) -> Buffers:
        """The stages of a round as a wavefront; roles are not changed."""

        def advance(old: Fields, target: Fields, slab: jax.Array, stage: jax.Array) -> Fields:
            return self._advance_slab(old, target, Layers(slabs.start(slab), slabs.size), first + stage)

        def settle(states: Buffered, front: jax.Array) -> Buffered:
            return self._settle(states, slabs, front, count, first)

        return Buffers(*sweep(self._filled(buffers.now, first), buffers.spare, slabs, count, advance, settle))

    def _advance_slab(self, old: Fields, target: Fields, layers: Layers, number: jax.Array) -> Fields:
        """One stage of some layers, from `old` into `target`, and their ghosts at the walls of the other axes.

        `layers` counts from the first one that a stage writes.
        """
        ghosted = Layers(layers.start, layers.depth + 2 * self.width)

        def part(u: jax.Array) -> jax.Array:
            return lax.dynamic_slice_in_dim(u, ghosted.start, ghosted.depth) if u.ndim else u

        new = self._stage(ghosted, jax.tree.map(part, old), jax.tree.map(part, self.coefficients), number)
        rows = Layers(layers.start + self.width, layers.depth)
        setting = self._setting(number + 1)

        def written(name: str, u: jax.Array) -> jax.Array:
            u = with_core_layers(u, self.width, rows, new[name])
            return self.walls[name].fill_across(u, setting, rows) if name in self.walls else u

        return {name: written(name, u) for name, u in target.items()}

    def _settle(self, states: Buffered, slabs: Slabs, front: jax.Array, count: jax.Array, first: jax.Array) -> Buffered:
        """Fill the ghosts at the walls of the first axis, while slabs next to them are being written.

        `states`: what lies in the two buffers, after an even and after an odd number of stages of the round.
        """
        for side in (LOWER, UPPER):
            here = {name: walls for name, walls in self.walls.items() if walls.is_wall(0, side, self.exchange)}
            if not here:
                continue
            slabs_near = [slabs.holding(*self._near(walls, side)) for walls in here.values()]
            begin, end = min(b for b, _ in slabs_near), max(e for _, e in slabs_near)
            near = (front >= begin) & (front <= end + 2 * (count - 1))

            def fill(_: jax.Array, states: Buffered, side: int = side, here: Mapping[str, Walls] = here) -> Buffered:
                def filled(name: str, parity: int) -> jax.Array:
                    # The cells that ghosts depend on have been through this many stages, those in this buffer
                    # perhaps through one less.
                    stage = (front - slabs.last_holding(self._mirrored(here[name], side))) // 2 + 1
                    stage = jnp.maximum(stage - (stage - parity) % 2, parity)
                    return here[name].fill_first(states[parity][name], side, self._setting(first + stage))

                now, spare = ({**states[p], **{name: filled(name, p) for name in here}} for p in (0, 1))
                return now, spare

            # A loop of one turn or none: XLA runs it in place, and not always a conditional.
            states = lax.fori_loop(0, near.astype(jnp.int32), fill, states)
        return states

    def _mirrored(self, walls: Walls, side: int) -> Count:
        """The last layer that the ghosts at a wall of the first axis depend on, counted like `layers` above."""
        wall = walls.wall(self.block, 0, side) - self.width
        return wall - 1 if side == UPPER else wall + walls.reach(0, side) - 1

    def _near(self, walls: Walls, side: int) -> tuple[int, int]:
        """First and last layer next to a wall, ghosts and what they depend on, counted like `layers` above.

        Where blocks are padded to one shape, their upper walls differ by a cell.
        """
        wall, reach = self.block.ghosts - self.width, walls.reach(0, side)
        if side == LOWER:
            return wall - self.width, wall + reach - 1
        wall += self.block.shape[0]
        return wall - reach - self.block.padded, wall + self.width - 1
