"""Numbers of whole fields, a few layers at a time: none of a block's size is made to get them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import Block, Count, along
from solvers.exchange import Exchange
from solvers.once import once
from solvers.reductions import maximum, pre_rounded, rounded_sum, unsigned_zero

# What a slab of values in float64, and what is made of them, may have of the cache.
_CELLS = 1 << 16
# Slabs that are joined before they are added to what there is.
_TOGETHER = 8

Values: TypeAlias = Callable[..., jax.Array]
"""(slabs of the fields) → values of their shape, cell by cell."""

Join: TypeAlias = Callable[[jax.Array, jax.Array], jax.Array]
"""jnp.add or jnp.maximum."""


def count_nonfinite(u: jax.Array, block: Block, exchange: Exchange) -> jax.Array:
    """Number of cells over all blocks that are NaN or infinite, int64.  u: dtype[block.ghosted_shape]."""

    def broken(part: jax.Array) -> jax.Array:
        return (~jnp.isfinite(part)).astype(jnp.int32)

    return exchange.sum(_reduced((u,), block, broken, jnp.add))


def measure(u: jax.Array, block: Block, cells: int, exchange: Exchange) -> dict[str, jax.Array]:
    """min, max and mean (float64) of a field's interior over all blocks, which hold `cells` cells."""
    return {
        "min": unsigned_zero(-_largest([u], lambda x: -x, block, exchange)),
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
    return _reduced(arguments, block, lambda *u: _bits(function(*u)), jnp.maximum)


def _reduced(arguments: tuple[jax.Array, ...], block: Block, values: Values, join: Join) -> jax.Array:
    """The values of a block's cells, integers of 0 or more, joined to one; sums are int64."""

    def all_of(joined: jax.Array) -> jax.Array:
        return joined.max() if join is jnp.maximum else joined.sum(dtype=jnp.int64)

    def at_once(*arguments: jax.Array) -> jax.Array:
        return all_of(jnp.where(block.owned(), values(*(u[block.interior] for u in arguments)), 0))

    def by_slabs(*arguments: jax.Array) -> jax.Array:
        return all_of(_slabs_joined(arguments, block, values, join))

    # On a CPU a reduction to one number is not vectorised; one to a slab is, and ten times faster.
    reduced: jax.Array = lax.platform_dependent(*arguments, cpu=by_slabs, default=at_once)
    return reduced


def _slabs_joined(arguments: tuple[jax.Array, ...], block: Block, values: Values, join: Join) -> jax.Array:
    """The values of all slabs of a block's layers, one upon the other; 0 where there is nothing that counts."""
    layers, (depth, *across) = block.shape[0], _slab(block)
    together = max(1, min(_TOGETHER, layers // (2 * depth)))

    def slab(start: jax.Array, first: jax.Array) -> jax.Array:
        lowest, *others = block.margins
        corner: list[Count] = [lowest + start, *others]
        rows = start + jnp.arange(depth)
        counts = (rows >= first) & (rows < block.extent[0])
        found = values(*(lax.dynamic_slice(u, corner, (depth, *across)) for u in arguments))
        return jnp.where(along(0, block.ndim, counts), found, 0)

    def some_slabs(i: jax.Array, joined: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        first = i * depth * together
        start = jnp.minimum(first, layers - depth * together)

        def new(_: jax.Array) -> jax.Array:
            return functools.reduce(join, [slab(start + number * depth, first) for number in range(together)])

        # Several on their own first: a loop that joins in place reads what it writes, and is not vectorised.
        before, spare = joined
        found = once(start >= 0, new, spare)
        return join(before, found), found

    nothing = jax.eval_shape(lambda: slab(jnp.int64(0), jnp.int64(0)))
    empty = jnp.zeros(nothing.shape, nothing.dtype)
    joined, _ = lax.fori_loop(0, -(-layers // (depth * together)), some_slabs, (empty, empty))
    for axis, cells in enumerate(across, start=1):
        joined = jnp.where(along(axis, block.ndim, jnp.arange(cells) < block.extent[axis]), joined, 0)
    return joined


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
    (layers, *_), (depth, *across) = block.shape, _slab(block)

    def one_slab(i: jax.Array, found: jax.Array) -> jax.Array:
        start = jnp.minimum(i * depth, layers - depth)
        rows = start + jnp.arange(depth)
        counts = (rows >= i * depth) & (rows < block.extent[0])
        owned = jnp.broadcast_to(along(0, block.ndim, counts), (depth, *across))
        for axis, cells in enumerate(across, start=1):
            owned &= along(axis, block.ndim, jnp.arange(cells) < block.extent[axis])
        lowest, *others = block.margins
        corner = [start + lowest, *(jnp.full_like(start, margin) for margin in others)]
        return function(found, owned, *(lax.dynamic_slice(u, corner, (depth, *across)) for u in fields))

    return lax.fori_loop(0, -(-layers // depth), one_slab, initial)


def _slab(block: Block) -> tuple[int, ...]:
    layers, *across = block.shape
    return (min(layers, max(1, _CELLS // math.prod(across))), *across)
