"""One exchange, and the stages that it serves."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from solvers import cellwise
from solvers.block import Block, Count, core
from solvers.cover import Cover
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.halo import exchange_halos
from solvers.integrators.step import Step
from solvers.made import Made
from solvers.native_loop import native_loop
from solvers.once import once
from solvers.patch import Patch
from solvers.rounding import Rounding
from solvers.tiles import Advance, Tiles, sweep
from solvers.wall import Setting
from solvers.walls import Walls
from solvers.window import Window

# Bytes of a field of which XLA may keep more than the fields themselves, such as means of k at all faces: all of that
# stays in a core's cache.
_SMALL = 1 << 18

_Seen: TypeAlias = tuple[Fields, Fields, Fields, Fields]
"""Fields with registers, coefficients, what was made of them, and the memory where the next fields will be written."""


class Clock(NamedTuple):
    """Step number i begins at start + i·dt: a product, so that chunks of a loop do not move the time."""

    start: jax.Array  # float64
    first: jax.Array  # int64, the number of the next stage, counting all stages of all steps
    dt: jax.Array  # float64

    @classmethod
    def of(cls, start: float, first: int, dt: float) -> Clock:
        return cls(jnp.float64(start), jnp.int64(first), jnp.float64(dt))

    def at(self, stage: jax.Array, times: Sequence[float]) -> jax.Array:
        """The time of the fields that a stage starts from, `times` being those of all stages within a step."""
        count = len(times)
        steps = stage // count + jnp.asarray(times)[stage % count] if count > 1 else stage
        return self.start + Rounding.by(self.dt)(steps * self.dt)


class Buffers(NamedTuple):
    """The fields as they are with the step's registers, and the memory where the next fields will be written.

    Between two stages the latter still holds the fields before.  Ghosts may be stale.
    """

    now: Fields
    spare: Fields


@dataclass(frozen=True)
class Rounds:
    """Rounds of stages on one block: by the whole block, one after the other, or tile by tile.

    begun: no step begins in any of them; of that which goes on the registers are there, in the blocks themselves, and
    there are two more stages at most, of which the first does not look back.
    """

    step: Step
    walls: Mapping[str, Walls]
    tile: Sequence[int]
    grid: Grid
    block: Block
    exchange: Exchange
    coefficients: Fields
    clock: Clock
    begun: bool = False

    def take(self, buffers: Buffers, taken: jax.Array, count: jax.Array, at_most: int) -> Buffers:
        """One exchange, and `count` stages after the `taken` ones.

        `count` is traced, and odd where `at_most` is, as which buffer is the last must be known when compiling.
        """
        first = self.clock.first + taken
        buffers = self._exchanged(buffers, at_most)
        tiles = self._cover.tiles(at_most)
        if tiles.whole:
            return self._whole(buffers, first, count, at_most)
        return self._in_tiles(buffers, tiles, first, count, at_most)

    @property
    def width(self) -> int:
        return self.step.width

    @property
    def _cover(self) -> Cover:
        # At a tile's edge ghosts that slant would depend on cells that are not through the stage yet.
        tile = () if any(walls.slant for walls in self.walls.values()) else self.tile
        return Cover(self.block, self.exchange, self.grid.periodic, self.width, tile)

    def _exchanged(self, buffers: Buffers, at_most: int) -> Buffers:
        # What a step remembers has no neighbours: a round needs it beyond the block only if it begins within a step,
        # and its first stage is not also its last.
        within = at_most > 1 and (self.begun or at_most % len(self.step.times) != 0)
        open_axes = self._cover.open_axes(at_most)

        def exchanged(fields: Fields, wanted: bool) -> Fields:
            return {
                name: exchange_halos(u, self.block, self.exchange, open_axes) if wanted or name in self.walls else u
                for name, u in fields.items()
            }

        looks_back = within and self.step.looks_back and not self.begun
        spare = exchanged(buffers.spare, within) if looks_back else buffers.spare
        return Buffers(exchanged(buffers.now, within), spare)

    def _whole(self, buffers: Buffers, first: jax.Array, count: jax.Array, at_most: int) -> Buffers:
        window = Window.whole(self.block.ndim)

        def one(buffers: Buffers, number: jax.Array) -> Buffers:
            if (done := self._by_cells(buffers, number)) is not None:
                return self._in_turn(*done)
            now = self.filled(buffers.now, number)
            new, now = self._stage(window, now, buffers.spare, number)
            return self._in_turn(now, new)

        def pair(j: jax.Array, buffers: Buffers) -> Buffers:
            return one(one(buffers, first + 2 * j), first + 2 * j + 1)

        if at_most > 1:
            buffers = native_loop(count // 2, pair, buffers)
        return one(buffers, first + count - 1) if at_most % 2 else buffers

    def _in_tiles(self, buffers: Buffers, tiles: Tiles, first: jax.Array, count: jax.Array, at_most: int) -> Buffers:
        def enter(buffers: Buffers, tile: Sequence[Count]) -> Advance[Buffers]:
            made = self._made(tiles.place(tile, at_most, self.block.ghosted_shape), buffers, first)

            def advance(buffers: Buffers, window: Window, stage: jax.Array, parity: int) -> Buffers:
                # Which array holds which stages is the same for all tiles.
                now, spare = buffers if parity == 0 else self._in_turn(*buffers)
                new, now = self._stage(window, now, spare, first + stage, made)
                new = self._walled(new, window, self.setting(first + stage + 1))
                return Buffers(now, new) if parity == 0 else self._in_turn(now, new)

            return advance

        begun, odd = Buffers(self.filled(buffers.now, first), buffers.spare), bool(at_most % 2)
        done = sweep(begun, tiles, count, odd, enter)
        return self._in_turn(*done) if odd else done

    def _made(self, place: Window, buffers: Buffers, number: jax.Array) -> Made:
        """What stages make of the coefficients alone in a place."""
        patch = self._patch(place, {**buffers.now, **self._before(buffers.spare)}, self.coefficients, number)
        return Made.by(lambda patch: self.step(patch, 0, self.clock.dt), patch, place.grown(self.width))

    def _walled(self, fields: Fields, window: Window, setting: Setting) -> Fields:
        """The fields after a stage in a window with those ghosts at walls that depend on it."""

        def at_ends(fields: Fields) -> Fields:
            return {name: self.walls[name].fill(u, setting, window) for name, u in fields.items()}

        due = functools.reduce(operator.or_, (self.walls[name].due(setting, window) for name in fields))
        fields = fields if due is False else once(due, at_ends, fields)
        return {name: self.walls[name].fill_across(u, setting, window) for name, u in fields.items()}

    def _in_turn(self, now: Fields, spare: Fields) -> Buffers:
        """Now and spare with their roles changed; registers stay what they are."""
        registers = {name: now[name] for name in self.step.registers}
        return Buffers({**spare, **registers}, {name: u for name, u in now.items() if name not in registers})

    def _stage(
        self, window: Window, now: Fields, spare: Fields, number: jax.Array, made: Made | None = None
    ) -> tuple[Fields, Fields]:
        """Stage `number` in a window: `spare` with the new fields there, and `now`, whose registers may be new."""
        window = self._to_step(window)
        stages = len(self.step.times)
        if self.step.registers and not self.begun:
            now = self._begun(window, now, number, number % stages == 0)

        def taken(window: Window, seen: _Seen) -> _Seen:
            now, coefficients, known, spare = seen
            patch = replace(self._patch(window, {**now, **self._before(spare)}, coefficients, number), holds=True)
            if made is not None:
                patch = replace(patch, made=made.seen(window.grown(self.width), known))
            new = self.step(patch, number % stages if stages > 1 else 0, self.clock.dt)
            spare = {name: window.written(u, new[name], self.width) for name, u in spare.items()}
            return now, coefficients, known, spare

        coefficients, known = self.coefficients, {} if made is None else made.of
        if max(u.nbytes for u in now.values()) > _SMALL:
            # Tied to what changes, or XLA would make what is made of them alone before the loop, and keep it.
            now, coefficients = lax.optimization_barrier((now, coefficients))
        # All that a stage reads goes through, or XLA would take the stage before it knows whether it is wanted.
        now, _, _, spare = window.box_by_box(taken, (now, coefficients, known, spare))
        return spare, now

    def _by_cells(self, buffers: Buffers, number: jax.Array) -> Buffers | None:
        """The same by a kernel that fills ghosts where it sees them, if there is one."""
        window, stages = self._to_step(Window.whole(self.block.ndim)), len(self.step.times)
        registers = {} if self.begun else {name: buffers.now[name] for name in self.step.registers}

        def stage() -> Fields:
            before = self._before(buffers.spare)
            patch = self._patch(window, {**self.filled(buffers.now, number), **before}, self.coefficients, number)
            begun = self.step.begin(patch, self.clock.dt) if registers else {}
            begun = {
                name: jnp.where(number % stages == 0, value, core(patch.fields[name], self.width))
                for name, value in begun.items()
            }
            known = {name: _inside(patch.fields[name], value, self.width) for name, value in begun.items()}
            patch = replace(patch, fields={**patch.fields, **known})
            return {**begun, **self.step(patch, number % stages if stages > 1 else 0, self.clock.dt)}

        new = cellwise.written(stage, {**buffers.spare, **registers}, window.corner(self.width))
        if new is None:
            return None
        return Buffers({**buffers.now, **{name: new.pop(name) for name in registers}}, new)

    def _begun(self, window: Window, now: Fields, number: jax.Array, begins: jax.Array) -> Fields:
        """The fields with the registers of the step that begins with this stage, if one does."""

        def filled(now: Fields) -> Fields:
            kept = self.step.begin(self._patch(window, now, self.coefficients, number), self.clock.dt)
            return {**now, **{name: window.written(now[name], value, self.width) for name, value in kept.items()}}

        return once(begins, filled, now)

    def _before(self, spare: Fields) -> Fields:
        """What a step that looks back sees of the fields before."""
        return {f"{name}:before": u for name, u in spare.items()} if self.step.looks_back else {}

    def _to_step(self, window: Window) -> Window:
        """The window without the ghosts that no stage writes."""
        for axis, span in enumerate(window.spans):
            if span is None and self._cover.is_closed(axis):
                window = window.along(axis, *self._cover.stepped(axis))
        return window

    def _patch(self, window: Window, fields: Fields, coefficients: Fields, number: jax.Array) -> Patch:
        """What stage `number` sees of the block: a window and the cells around it."""
        time, seen = self.clock.at(number, self.step.times), window.grown(self.width)
        origin = [start + seen.start(axis) for axis, start in enumerate(self.block.origin)]
        fields, coefficients = jax.tree.map(seen.of, (fields, coefficients))
        return Patch(fields, coefficients, time, origin, self.grid, Rounding.by(self.clock.start))

    def setting(self, number: jax.Array) -> Setting:
        """What surrounds the fields that stage `number` starts from."""
        return Setting(self.block, self.exchange, self.coefficients, self.clock.at(number, self.step.times))

    def filled(self, fields: Fields, number: jax.Array) -> Fields:
        setting = self.setting(number)
        return {name: self.walls[name].fill(u, setting) if name in self.walls else u for name, u in fields.items()}


def _inside(u: jax.Array, values: jax.Array, width: int) -> jax.Array:
    return lax.dynamic_update_slice(u, values, (width,) * u.ndim)
