"""Numbers of whole fields, a few layers at a time: none of a block's size is made to get them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import Block
from solvers.exchange import Exchange
from solvers.reductions import maximum, pre_rounded, rounded_sum

# What a slab of values in float64, and what is made of them, may have of the cache.
_CELLS = 1 << 16

Values: TypeAlias = Callable[..., jax.Array]
"""(slabs of the fields, float64) → values of their shape, cell by cell."""


def count_nonfinite(u: jax.Array, block: Block, exchange: Exchange) -> jax.Array:
    """Number of cells over all blocks that are NaN or infinite, int64.  u: dtype[block.ghosted_shape]."""

    def count(total: jax.Array, owned: jax.Array, part: jax.Array) -> jax.Array:
        return total + jnp.sum(owned & ~jnp.isfinite(part), dtype=jnp.int64)

    return exchange.sum(_fold(block, [u], count, jnp.int64(0)))


def measure(u: jax.Array, block: Block, cells: int, exchange: Exchange) -> dict[str, jax.Array]:
    """min, max and mean (float64) of a field's interior over all blocks, which hold `cells` cells."""
    return {
        "min": -_largest([u], lambda x: -x, block, exchange),
        "max": _largest([u], lambda x: x, block, exchange),
        "mean": _sum([u], lambda x: x, block, cells, exchange) / cells,
    }


def magnitudes(
    fields: Sequence[jax.Array | tuple[jax.Array, ...]],
    block: Block,
    exchange: Exchange,
    function: Callable[..., jax.Array] = lambda u: u,
) -> jax.Array:
    """max|function(u)| of each field's interior over all blocks, float64[len(fields)]; not finite where any is not.

    A tuple has the function's arguments, cell by cell.  Magnitudes are ordered as their bits are, read as integers,
    with what is not finite above all: such maxima are the same in whatever order they are taken, and quick, layer upon
    layer.
    """
    of_each = [u if isinstance(u, tuple) else (u,) for u in fields]
    bits = [_largest_bits(arguments, block, function).astype(jnp.int64) for arguments in of_each]
    largest = exchange.max(jnp.stack(bits))
    return jnp.stack([_of_bits(largest[number], u[0].dtype) for number, u in enumerate(of_each)])


def norms(u: jax.Array, exact: jax.Array, block: Block, cells: int, exchange: Exchange) -> dict[str, jax.Array]:
    """Root mean square and largest magnitude of u - exact over all blocks, float64; both ghosted blocks."""

    def square(x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.square(jnp.abs(x - y))

    return {
        "l2": jnp.sqrt(_sum([u, exact], square, block, cells, exchange) / cells),
        "max": _largest([u, exact], lambda x, y: jnp.abs(x - y), block, exchange),
    }


def _largest(fields: Sequence[jax.Array], values: Values, block: Block, exchange: Exchange) -> jax.Array:
    """The maximum over all blocks, NaN where any value is."""

    def largest(found: jax.Array, owned: jax.Array, *parts: jax.Array) -> jax.Array:
        x = jnp.where(owned, values(*_in_double(parts)), -jnp.inf)
        broken, most = found
        return jnp.stack([broken + jnp.any(jnp.isnan(x)), jnp.maximum(most, jnp.max(jnp.where(jnp.isnan(x), 0.0, x)))])

    broken, most = _fold(block, fields, largest, jnp.array([0.0, -jnp.inf]))
    return maximum(jnp.where(broken > 0, jnp.nan, most), exchange)


def _sum(fields: Sequence[jax.Array], values: Values, block: Block, cells: int, exchange: Exchange) -> jax.Array:
    """`solvers.reductions.exact_sum` of the values: to the bit the same."""
    largest = jnp.maximum(_largest(fields, lambda *x: jnp.abs(values(*x)), block, exchange), 0.0)

    def add(sums: jax.Array, owned: jax.Array, *parts: jax.Array) -> jax.Array:
        return sums + pre_rounded(jnp.where(owned, values(*_in_double(parts)), 0.0), cells, largest)

    return rounded_sum(exchange.sum(_fold(block, fields, add, jnp.zeros(2, jnp.int64))), cells, largest)


def _largest_bits(arguments: tuple[jax.Array, ...], block: Block, function: Callable[..., jax.Array]) -> jax.Array:
    """The bits of the largest magnitude in a block's interior, an integer of the size of the arguments' dtype."""

    def at_once(*arguments: jax.Array) -> jax.Array:
        return jnp.max(jnp.where(block.owned(), _bits(function(*(u[block.interior] for u in arguments))), 0))

    def by_layers(*arguments: jax.Array) -> jax.Array:
        across = block.shape[1:]

        def one_layer(i: jax.Array, found: jax.Array) -> jax.Array:
            corner = [block.ghosts + i] + [jnp.full_like(i, block.ghosts)] * len(across)
            layer = function(*(lax.dynamic_slice(u, corner, (1, *across)) for u in arguments))
            return jnp.maximum(found, _bits(layer))

        found = jnp.zeros((1, *across), _bits(arguments[0]).dtype)
        found = lax.fori_loop(0, jnp.asarray(block.extent[0], jnp.int32), one_layer, found)
        for axis, cells in enumerate(across, start=1):
            found = jnp.where(_along(jnp.arange(cells) < block.extent[axis], axis, block.ndim), found, 0)
        return jnp.max(found)

    # On a CPU a reduction to one number is not vectorised; one to a layer is, and ten times faster.
    if block.ndim == 1:
        return at_once(*arguments)
    largest: jax.Array = lax.platform_dependent(*arguments, cpu=by_layers, default=at_once)
    return largest


def _bits(u: jax.Array) -> jax.Array:
    return lax.bitcast_convert_type(jnp.abs(u), jnp.int64 if u.dtype.itemsize == 8 else jnp.int32)


def _of_bits(bits: jax.Array, dtype: jnp.dtype) -> jax.Array:
    narrow = bits.astype(jnp.int64 if dtype.itemsize == 8 else jnp.int32)
    return lax.bitcast_convert_type(narrow, dtype).astype(jnp.float64)


def _in_double(parts: Sequence[jax.Array]) -> list[jax.Array]:
    return [part.astype(jnp.float64) for part in parts]


def _fold(block: Block, fields: Sequence[jax.Array], function: Callable[..., Any], initial: jax.Array) -> jax.Array:
    """function(… function(function(initial, slab 0), slab 1) …) over slabs of the interior's layers.

    A slab is (owned, *fields there): owned says which cells count, not padding and not seen before; the last slab
    reaches back where they don't divide.
    """
    layers, *across = block.shape
    depth = min(layers, max(1, _CELLS // math.prod(across)))

    def one_slab(i: jax.Array, found: jax.Array) -> jax.Array:
        start = jnp.minimum(i * depth, layers - depth)
        rows = start + jnp.arange(depth)
        counts = (rows >= i * depth) & (rows < block.extent[0])
        owned = jnp.broadcast_to(_along(counts, 0, block.ndim), (depth, *across))
        for axis, cells in enumerate(across, start=1):
            owned &= _along(jnp.arange(cells) < block.extent[axis], axis, block.ndim)
        corner = [start + block.ghosts] + [jnp.full_like(start, block.ghosts)] * len(across)
        return function(found, owned, *(lax.dynamic_slice(u, corner, (depth, *across)) for u in fields))

    return lax.fori_loop(0, -(-layers // depth), one_slab, initial)


def _along(values: jax.Array, axis: int, ndim: int) -> jax.Array:
    return values.reshape([-1 if a == axis else 1 for a in range(ndim)])
