"""Halos: the ghost cells that belong to a neighbour."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from solvers.block import Block
from solvers.exchange import LOWER, UPPER, Exchange
from solvers.window import layers, with_layers


def exchange_halos(u: jax.Array, block: Block, exchange: Exchange, axes: Sequence[int] | None = None) -> jax.Array:
    """Fill all ghosts of a ghosted block, or those of some axes, with the cells of its neighbours, as in a full ring.

    Axis by axis, each strip spanning the ghosts already filled, so that corners arrive without messages of
    their own.  Along one axis, with g ghosts and n cells:

            lower ghosts     interior          upper ghosts
          |. . . . . . .|a a a o o o o b b b|. . . . . . .|
                  ^      g      --a-->  n     g+n    ^
                  b of the lower neighbour           a of the upper neighbour

    u: dtype[block.ghosted_shape] → the same.
    """
    for axis in range(block.ndim) if axes is None else axes:
        g, n = block.margins[axis], block.extent[axis]
        # The second strip is read from the array that holds the first one's ghosts: were it read from the
        # old array, that one would have to live on, and XLA would copy the whole block to keep it.
        u = with_layers(u, axis, 0, exchange.shift(layers(u, axis, n, g), axis, UPPER))
        u = with_layers(u, axis, n + g, exchange.shift(layers(u, axis, g, g), axis, LOWER))
    return u


def return_halos(slope: jax.Array, block: Block, exchange: Exchange) -> jax.Array:
    """The adjoint of `exchange_halos`: what is in ghosts is added to the cells that they are copies of, and is 0 then.

    A shift along a full ring is a permutation of the blocks, so its adjoint is the shift back, whatever carries it.
    """
    for axis in reversed(range(block.ndim)):
        g, n = block.margins[axis], block.extent[axis]
        for ghosts, cells, step in ((n + g, g, UPPER), (0, n, LOWER)):
            # The cells first: what is written is read from the array that was written before, as above.
            strip = exchange.shift(layers(slope, axis, ghosts, g), axis, step)
            slope = with_layers(slope, axis, cells, layers(slope, axis, cells, g) + strip)
            slope = with_layers(slope, axis, ghosts, jnp.zeros_like(strip))
    return slope
