"""Which cells a GPU's kernel computes together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from solvers.cellwise.index import Domain

# Cells of a tile by dimension, those along the last axis by the threads of a few warps, four neighbours by each.  In
# 3-D a tile's layers are computed one by one from what they have read together.
_SIZES = {1: (1024,), 2: (16, 128), 3: (2, 8, 128)}
# In 3-D a program has so many tiles, one after the other, for what one has read the next one finds near.
_TIMES = 16
# Cells next to a wall where ghosts are thought of: where a stage sees further, its kernel is slower.
_NEAR = 4


@dataclass(frozen=True)
class Tiling:
    """A box of cells cut into tiles, smaller ones where there are few cells; their sizes are powers of two, but for the
    number of layers.

    A tile is told by its first cell.  Along the first of three axes it has layers: the first is the tile's own, each
    further one is addressed by its offset from that.
    """

    shape: tuple[int, ...]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def sizes(self) -> tuple[int, ...]:
        wanted = _SIZES[self.ndim]
        sizes = [min(size, 1 << (n - 1).bit_length()) for size, n in zip(wanted, self.shape, strict=True)]
        return (math.gcd(wanted[0], self.shape[0]), *sizes[1:]) if self.ndim == 3 else tuple(sizes)

    @property
    def layers(self) -> int:
        return self.sizes[0] if self.ndim == 3 else 1

    @property
    def spans(self) -> tuple[int, ...]:
        """Cells that count as a tile's own."""
        return (1, *self.sizes[1:]) if self.ndim == 3 else self.sizes

    @property
    def times(self) -> int:
        """Tiles of a program along the first axis, at most."""
        return _TIMES if self.ndim == 3 else 1

    @property
    def of_a_program(self) -> tuple[int, ...]:
        """Cells that a program has of each axis, at most."""
        return (self.sizes[0] * self.times, *self.sizes[1:])

    @property
    def grid(self) -> tuple[int, ...]:
        """Programs, the last axis' first: those that run together share what is near in memory."""
        counts = [-(-n // size) for n, size in zip(self.shape, self.of_a_program, strict=True)]
        return tuple(reversed(counts))

    @property
    def wanted(self) -> Domain:
        """The cells that are to be computed; of layers the first of each tile."""
        return tuple((0, n - self.layers + 1 if axis == 0 else n) for axis, n in enumerate(self.shape))

    @property
    def seen(self) -> Domain:
        """The same with those of tiles that reach over an end."""
        return tuple((0, -(-n // span) * span) for (_, n), span in zip(self.wanted, self.spans, strict=True))

    def away(self, axes: Sequence[int]) -> tuple[Domain, Domain]:
        """What is wanted, and seen, by tiles that are away from the walls of these axes."""
        inner = [(_NEAR, n - _NEAR) for _, n in self.wanted]

        def within(domain: Domain) -> Domain:
            return tuple(inner[axis] if axis in axes else cells for axis, cells in enumerate(domain))

        return within(self.wanted), within(self.seen)
