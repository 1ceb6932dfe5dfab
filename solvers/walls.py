"""All edges of the grid that a block has for itself: filling the ghosts beyond them."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp

from solvers.block import Block, Count
from solvers.boundary import Boundary, Periodic
from solvers.exchange import LOWER, UPPER, Exchange, touches_both
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.once import once
from solvers.wall import Setting, Wall
from solvers.window import Window, layers, with_layers

Sides: TypeAlias = Sequence[tuple[Boundary, Boundary]]
"""Lower and upper condition of every axis, in array order."""


@dataclass(frozen=True)
class Walls:
    """A field's boundaries and what it takes to fill them: the grid, and the ghost layers that a step needs.

    All fills go axis by axis, each over the full cross-section of the axes before it, so the corners follow the
    last axis.  They are idempotent: ghosts depend on interior cells alone.

    Raises ValueError where a condition depends on more than one layer beyond `width` (see `_due`), or on more layers
    than the grid has.
    """

    sides: Sides
    grid: Grid
    width: int

    def __post_init__(self) -> None:
        for axis, pair in enumerate(self.sides):
            most = min(self.width + 1, self.grid.shape[axis])
            if max(boundary.reach for boundary in pair) > most:
                raise ValueError(f"a boundary of axis {axis} reaches more than {most} layers into the block")

    @property
    def slant(self) -> bool:
        """Whether ghosts depend on more than the cells that they mirror, and those beyond these."""
        return any(boundary.slants for pair in self.sides for boundary in pair)

    def fill(self, u: jax.Array, setting: Setting, window: Window | None = None) -> jax.Array:
        """Fill the `width` ghost layers next to every physical edge that this block touches.

        Where a block is its own neighbour along a periodic axis, those are the cells of the opposite edge.

        To be called after the halos have arrived (they go around the ring, edges included), and again before
        every further step that the same halos serve.  u: dtype[block.ghosted_shape] → the same.  After a stage
        was taken in a window, only what has changed with that is filled; and where the window has but some of the
        cells of a periodic axis nothing, for its ghosts are stepped like cells.
        """
        window = window or Window.whole(u.ndim)
        return self._fill_from(0, self._wrapped(u, setting, window), setting, window)

    def fill_across(self, u: jax.Array, setting: Setting, window: Window) -> jax.Array:
        """The same at the walls of those axes that are whole in the window: all there is to do where none is `due`."""
        u = self._wrapped(u, setting, window)
        for axis, side in self.places(setting.exchange):
            if window.spans[axis] is None:
                u = self._fill_side(u, axis, side, setting, window)
        return u

    def due(self, setting: Setting, window: Window) -> jax.Array | bool:
        """Whether a stage taken in this window leaves ghosts to be filled at a wall of an axis that is cut.

        Where all of the window's cells are wanted it does not.
        """
        cut = [place for place in self.places(setting.exchange) if window.wanted_along(place[0]) is not None]
        return functools.reduce(operator.or_, (self._due(*place, setting, window) for place in cut), False)

    def _fill_from(self, axis: int, u: jax.Array, setting: Setting, window: Window) -> jax.Array:
        """The walls of an axis and of those after it."""
        if axis == u.ndim:
            return u
        for side in (LOWER, UPPER):
            if not self._is_wall(axis, side, setting.exchange):
                continue
            if window.spans[axis] is None:
                u = self._fill_side(u, axis, side, setting, window)
                continue

            def with_corners(u: jax.Array, side: int = side) -> jax.Array:
                u = self._fill_side(u, axis, side, setting, window)
                outer = self.outer(setting.block, axis, side)
                return self._fill_from(axis + 1, u, setting, window.along(axis, outer, self.width))

            u = once(self._due(axis, side, setting, window), with_corners, u)
        return self._fill_from(axis + 1, u, setting, window)

    def _due(self, axis: int, side: int, setting: Setting, window: Window) -> jax.Array:
        """Whether the cells that ghosts depend on have all been through a stage once it is taken in this window.

        Windows come in the order of their indices.  At a lower wall that is the one window which writes the last of
        those cells, at an upper one each that comes so far, until none writes over ghosts any more:

            . . ‖▓▓▓▓▓▓|        the last cell         ▓▓▓▓▓▓|‖ . .       the last cell, and
                 |▓▓▓▓▓▓|       that ghosts need        ▓▓▓▓‖▓▓|.        ghosts that are to be filled again

        What lies up to two widths below a window has not been through the stage after the next (`solvers.tiles`), so
        the cells are still there.
        """
        wanted = window.wanted_along(axis)
        assert wanted is not None
        first, until = wanted
        wall = self.wall(setting.block, axis, side)
        last = wall + self.reach(axis, side) if side == LOWER else wall
        beyond = last if side == LOWER else wall + self.width
        return jnp.asarray(first < beyond) & (until >= last) & setting.exchange.at_edge(axis, side)

    def _wrapped(self, u: jax.Array, setting: Setting, window: Window) -> jax.Array:
        """With the ghosts of periodic axes that a block has for itself and that are whole in the window."""
        for axis, pair in enumerate(self.sides):
            around = all(isinstance(boundary, Periodic) for boundary in pair)
            if not around or not touches_both(setting.exchange, axis) or window.spans[axis] is not None:
                continue
            for side in (LOWER, UPPER):
                opposite = self.wall(setting.block, axis, -side)
                start = opposite if side == UPPER else opposite - self.width
                cells = layers(u, axis, start, self.width, window)
                u = with_layers(u, axis, self.outer(setting.block, axis, side), cells, window)
        return u

    def places(self, exchange: Exchange) -> list[tuple[int, int]]:
        """Axis and side of what may be a wall, in the order in which they are filled."""
        places = [(axis, side) for axis in range(len(self.sides)) for side in (LOWER, UPPER)]
        return [place for place in places if self._is_wall(*place, exchange)]

    def _is_wall(self, axis: int, side: int, exchange: Exchange) -> bool:
        """Whether there may be something to fill, as far as is known when compiling."""
        boundary = self.sides[axis][side == UPPER]
        return not isinstance(boundary, Periodic) and exchange.at_edge(axis, side) is not False

    def reach(self, axis: int, side: int) -> int:
        """Layers of cells next to a wall that its ghosts depend on."""
        return max(self.width, self.sides[axis][side == UPPER].reach)

    @staticmethod
    def wall(block: Block, axis: int, side: int) -> Count:
        """Index of the first cell above a wall."""
        return block.margins[axis] + (block.extent[axis] if side == UPPER else 0)

    def inner(self, block: Block, axis: int, side: int) -> Count:
        """Index of the first layer of cells that a wall's ghosts depend on."""
        wall = self.wall(block, axis, side)
        return wall if side == LOWER else wall - self.reach(axis, side)

    def outer(self, block: Block, axis: int, side: int) -> Count:
        """Index of the first ghost layer next to a wall."""
        wall = self.wall(block, axis, side)
        return wall if side == UPPER else wall - self.width

    def _fill_side(self, u: jax.Array, axis: int, side: int, setting: Setting, window: Window) -> jax.Array:
        inner, outer = self.inner(setting.block, axis, side), self.outer(setting.block, axis, side)

        def near(values: jax.Array) -> jax.Array:
            return layers(values, axis, inner, self.reach(axis, side), window)

        known = {name: near(c) if c.ndim else c for name, c in setting.coefficients.items()}
        ghost = self.ghosts(near(u), known, axis, side, setting, window)
        wanted = window.wanted(but=axis) & setting.exchange.at_edge(axis, side)
        if wanted is not True:
            ghost = jnp.where(wanted, ghost, layers(u, axis, outer, self.width, window))
        return with_layers(u, axis, outer, ghost, window)

    def ghosts(
        self, near: jax.Array, coefficients: Fields, axis: int, side: int, setting: Setting, window: Window
    ) -> jax.Array:
        """What the ghosts next to a wall hold, dtype[…, width, …], near it being these cells, and coefficients in them:
        `reach` layers from `inner` on.
        """
        turned, inner = jnp.flip(near, axis), self.inner(setting.block, axis, side)
        seen = Wall(turned, coefficients, axis, side, self.width, inner, window, self.grid, setting)
        return jnp.broadcast_to(self.sides[axis][side == UPPER].ghost(seen), seen.mirror.shape)
