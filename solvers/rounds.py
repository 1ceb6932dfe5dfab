"""One exchange, and the steps that it serves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import Block, Layers, core_index, with_core_layers
from solvers.boundary import Walls
from solvers.exchange import LOWER, UPPER, Exchange
from solvers.fields import Fields
from solvers.halo import exchange_halos
from solvers.integrators.step import Step
from solvers.wavefront import Slabs, sweep


class Clock(NamedTuple):
    """Step number i begins at start + i·dt: a product, so that chunks of a loop do not move the time."""

    start: jax.Array  # float64
    first: jax.Array  # int64, the number of the next step
    dt: jax.Array  # float64

    def at(self, step: jax.Array) -> jax.Array:
        return self.start + step * self.dt


class Buffers(NamedTuple):
    """The fields as they are, and the memory where the next step will be written.  Ghosts may be stale."""

    now: Fields
    spare: Fields


@dataclass(frozen=True)
class Rounds:
    """Rounds of steps on one block: by the whole block, step after step, or in slabs of about `slab` layers."""

    step: Step
    walls: Mapping[str, Walls]
    slab: int | None
    block: Block
    exchange: Exchange
    coefficients: Fields
    clock: Clock

    def take(self, buffers: Buffers, taken: jax.Array, count: jax.Array, at_most: int) -> Buffers:
        """One exchange, and `count` steps after the `taken` ones.  `count` is traced, `at_most` has its parity."""
        first = self.clock.first + taken
        now = {name: exchange_halos(u, self.block, self.exchange) for name, u in buffers.now.items()}
        buffers = Buffers(now, buffers.spare)
        layers, *across = self.block.ghosted_shape
        slabs = Slabs.fit(layers - 2 * self.width, self.slab, self.width, math.prod(across))
        if at_most == 1 or slabs.count == 1:
            return self._whole(buffers, first, count, at_most)
        buffers = self._in_slabs(buffers, slabs, first, count)
        return Buffers(buffers.spare, buffers.now) if at_most % 2 else buffers

    @property
    def width(self) -> int:
        return self.step.width

    def _whole(self, buffers: Buffers, first: jax.Array, count: jax.Array, at_most: int) -> Buffers:
        def pair(j: jax.Array, buffers: Buffers) -> Buffers:
            return self._advance(self._advance(buffers, first + 2 * j), first + 2 * j + 1)

        if at_most > 1:
            buffers = lax.fori_loop(0, count // 2, pair, buffers)
        if at_most % 2:
            buffers = self._advance(buffers, first + count - 1)
        return buffers

    def _advance(self, buffers: Buffers, number: jax.Array) -> Buffers:
        """One step out of `now` into `spare`, and their roles changed."""
        now = self._filled(buffers.now)
        new = self.step(now, self.coefficients, self.clock.at(number), self.clock.dt)
        written = {name: u.at[core_index(u.ndim, self.width)].set(new[name]) for name, u in buffers.spare.items()}
        return Buffers(written, now)

    def _filled(self, fields: Fields) -> Fields:
        return {name: self.walls[name].fill(u, self.block, self.exchange) for name, u in fields.items()}

    def _in_slabs(self, buffers: Buffers, slabs: Slabs, first: jax.Array, count: jax.Array) -> Buffers:
        """The steps of a round as a wavefront; roles are not changed."""

        def advance(old: Fields, target: Fields, slab: jax.Array, step: jax.Array) -> Fields:
            return self._advance_slab(old, target, Layers(slabs.start(slab), slabs.size), first + step)

        def settle(fields: Fields, front: jax.Array) -> Fields:
            return {name: self._settle(name, u, slabs, front, count) for name, u in fields.items()}

        return Buffers(*sweep(self._filled(buffers.now), buffers.spare, slabs, count, advance, settle))

    def _advance_slab(self, old: Fields, target: Fields, layers: Layers, number: jax.Array) -> Fields:
        """One step of some layers out of `old` into `target`, with their ghosts at the walls of all axes but the first.

        `layers` counts from the first one that a step writes.
        """

        def ghosted(u: jax.Array) -> jax.Array:
            return lax.dynamic_slice_in_dim(u, layers.start, layers.depth + 2 * self.width) if u.ndim else u

        new = self.step(
            {name: ghosted(u) for name, u in old.items()},
            {name: ghosted(c) for name, c in self.coefficients.items()},
            self.clock.at(number),
            self.clock.dt,
        )
        rows = Layers(layers.start + self.width, layers.depth)
        return {
            name: self.walls[name].fill_across(
                with_core_layers(u, self.width, rows, new[name]), self.block, self.exchange, rows
            )
            for name, u in target.items()
        }

    def _settle(self, name: str, u: jax.Array, slabs: Slabs, front: jax.Array, count: jax.Array) -> jax.Array:
        """Fill the ghosts at the walls of the first axis, while slabs next to them are being written."""
        walls = self.walls[name]
        for side in (LOWER, UPPER):
            if walls.is_wall(0, side, self.exchange):
                first, last = slabs.holding(*self._near(side))
                near = (front >= first) & (front <= last + 2 * (count - 1))

                def fill(_: jax.Array, u: jax.Array, side: int = side) -> jax.Array:
                    return walls.fill_first(u, side, self.block, self.exchange)

                # A loop of one turn or none: XLA runs it in place, and not always a conditional.
                u = lax.fori_loop(0, near.astype(jnp.int32), fill, u)
        return u

    def _near(self, side: int) -> tuple[int, int]:
        """First and last layer next to a wall, ghosts and what they mirror, counted like `layers` above.

        Where blocks are padded to one shape, their upper walls differ by a cell.
        """
        wall = self.block.ghosts - self.width
        if side == LOWER:
            return wall - self.width, wall + self.width - 1
        wall += self.block.shape[0]
        return wall - self.width - self.block.padded, wall + self.width - 1
