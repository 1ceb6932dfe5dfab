"""Halos and sums among named axes: XLA's collectives under shard_map, plain gathers under vmap."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Literal, Self, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from solvers.exchange import LOWER, as_integers

Halo: TypeAlias = Literal["ppermute", "psum"]


class NamedAxes:
    """The exchange of one block among `blocks`, one named axis (of a mesh or a vmap) for each of the grid's."""

    def __init__(self, names: Sequence[str], blocks: Sequence[int], halo: Halo = "ppermute") -> None:
        self.names = tuple(names)
        self.blocks = tuple(blocks)
        self.halo = halo
        self._indices: tuple[jax.Array, ...] | None = None

    def located(self) -> Self:
        """The same, for one program: where a block is, is asked once, not in every turn of a loop.

        A question to the runtime in a loop also keeps it from becoming a native one (`solvers.native_loop`).
        """
        here = copy.copy(self)
        here._indices = tuple(map(lax.axis_index, self.names))
        return here

    def coordinate(self, axis: int) -> jax.Array:
        return self.index(axis)

    def index(self, axis: int) -> jax.Array:
        """Of the block, along the named axis."""
        return lax.axis_index(self.names[axis]) if self._indices is None else self._indices[axis]

    def shift(self, strip: jax.Array, axis: int, step: int) -> jax.Array:
        if self.blocks[axis] == 1:
            return strip
        by = self._by_permutation if self.halo == "ppermute" else self._by_sum
        return by(strip, axis, step)

    def at_edge(self, axis: int, side: int) -> bool | jax.Array:
        parts = self.blocks[axis]
        return True if parts == 1 else self.coordinate(axis) == (0 if side == LOWER else parts - 1)

    def sum(self, x: jax.Array) -> jax.Array:
        return lax.psum(x, self.names)

    def max(self, x: jax.Array) -> jax.Array:
        return lax.pmax(x, self.names)

    def _by_permutation(self, strip: jax.Array, axis: int, step: int) -> jax.Array:
        parts = self.blocks[axis]
        ring = [(i, (i + step) % parts) for i in range(parts)]
        return lax.ppermute(strip, self.names[axis], ring)

    def _by_sum(self, strip: jax.Array, axis: int, step: int) -> jax.Array:
        """Every block writes its strip into its slot of zeros; the sum holds everybody's; read the neighbour's.

        Costs `blocks` times the traffic of a permutation.
        """
        parts, mine = self.blocks[axis], self.index(axis)
        bits = as_integers(strip)
        slots = jnp.zeros((parts, *bits.shape), bits.dtype).at[mine].set(bits)
        everybody = lax.psum(slots, self.names[axis])
        return lax.bitcast_convert_type(everybody[(mine - step) % parts], strip.dtype)
