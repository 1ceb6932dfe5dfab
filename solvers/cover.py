"""Which cells of a block a round of stages writes, and the tiles that cover them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.block import Block, Count
from solvers.exchange import LOWER, UPPER, Exchange, touches_both
from solvers.strips import Strips
from solvers.tiles import Needed, Tiles


@dataclass(frozen=True)
class Cover:
    """The cells of `block` that stages of reach `width` write between two exchanges.

    periodic: which axes are.  wanted: cells of a tile along the first axes, 0: an axis is not cut.
    """

    block: Block
    exchange: Exchange
    periodic: Sequence[bool]
    width: int
    wanted: Sequence[int]

    def tiles(self, stages: int) -> Tiles:
        """Of about the wanted sizes, for so many stages at most."""
        last = self.block.ndim - 1
        needed = [self._needed(axis) for axis in range(self.block.ndim)]
        fewest = [n - self.block.padded for n in self.block.shape]
        if strips := self._strips(last, stages):
            fewest[last] = strips.depth
        return Tiles.fit(needed, fewest, self.wanted[:last], self.width, stages, strips)

    def open_axes(self, stages: int) -> list[int]:
        """The axes whose ghosts an exchange must fill before so many stages.

        Raises:
            ValueError: there are too few ghost layers for that.
        """
        open_axes = [axis for axis in range(self.block.ndim) if not self.is_closed(axis)]
        for axis in open_axes:
            if (layers := self.block.margins[axis]) < stages * self.width:
                raise ValueError(
                    f"{stages} stages an exchange use up {stages * self.width} ghost layers along axis {axis}; "
                    f"the block has {layers}"
                )
        return open_axes

    def is_closed(self, axis: int) -> bool:
        """Whether ghosts along an axis follow from the block's own cells, after every stage.

        Those of an axis that it has for itself do; but around a periodic one that is cut into tiles, the first tile
        would have to wait for the last.
        """
        return touches_both(self.exchange, axis) and not (self._is_cut(axis) and self.periodic[axis])

    def stepped(self, axis: int) -> tuple[int, int]:
        """Which cells a stage writes along an axis: the first one's index, and their number.

        All that have neighbours, ghosts included, but where ghosts follow from the cells.
        """
        if self.is_closed(axis):
            return self.block.margins[axis], self.block.shape[axis]
        return self.width, self.block.ghosted_shape[axis] - 2 * self.width

    def _needed(self, axis: int) -> Needed:
        """The same without ghosts beyond walls, which need no steps; of a neighbour's cells fewer stage by stage."""
        (first, count), width, margin = self.stepped(axis), self.width, self.block.margins[axis]
        if self.periodic[axis]:
            return Needed(first, count) if self.is_closed(axis) else Needed(first, count, width, width)
        at_lower, at_upper = (self.exchange.at_edge(axis, side) for side in (LOWER, UPPER))
        lowest = _either(at_lower, margin, first)
        extent = _either(at_upper, margin + self.block.extent[axis], first + count) - lowest
        return Needed(lowest, extent, _either(at_lower, 0, width), _either(at_upper, 0, width))

    def _strips(self, axis: int, stages: int) -> Strips | None:
        if not self._is_cut(axis):
            return None
        # Walls, which on some blocks are a cell further in, are next to the first or the last strip, and to no other.
        apart = self.block.margins[axis] + self.width + 2
        return Strips.fit(*self.stepped(axis), self.wanted[axis], stages * self.width, apart)

    def _is_cut(self, axis: int) -> bool:
        return axis < len(self.wanted) and self.wanted[axis] > 0


def _either(condition: bool | jax.Array, then: Count, otherwise: Count) -> Count:
    """One of two numbers, known when compiling where the condition is."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    return jnp.where(condition, then, otherwise)
