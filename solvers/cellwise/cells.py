"""A program's values at some of their cells."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Container, Sequence
from functools import reduce
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from solvers.cellwise.index import HERE, Domain, Index, without
from solvers.cellwise.program import ARITHMETIC, KernelInput, KernelOperation, KernelValue, NotTakenError

Where: TypeAlias = tuple[Index, ...]

# A kernel of more operations would take long to compile, and hold more than a thread's registers.
_MOST = 4000

# Each of a chain of operations takes three of Python's calls, of which it allows a thousand.
_DEEPEST = 150


class CellValues:
    """Values cell by cell, each computed once.

    coordinates: of each axis the tile's cells, int32, shaped to broadcast.  load: reads an array at indices, where a
    mask says so.  Only what is wanted is read: beyond walls, for example, the cells that ghosts mirror.  full: the
    cells of all tiles.  written: arrays that are written too, of which only the cell to be written may be read.
    """

    def __init__(
        self,
        coordinates: Sequence[jax.Array],
        load: Callable[[KernelInput, list[Any], jax.Array | bool], jax.Array],
        full: Domain,
        written: Container[int] = (),
    ) -> None:
        self._coordinates, self._load, self._full, self._written = coordinates, load, full, written
        self._own: Where = ()
        self._known: dict[tuple[Any, ...], jax.Array] = {}
        self._depth = 0

    def at(self, value: KernelValue, where: Where, domain: Domain) -> jax.Array:
        """A value at some cells, broadcastable over the tile; it matters in the domain alone."""
        key = (id(value), where, domain)
        if key not in self._known:
            if len(self._known) > _MOST or self._depth > _DEEPEST:
                raise NotTakenError("too many operations")
            self._depth += 1
            self._known[key] = self._found(value, where, domain)
            self._depth -= 1
        return self._known[key]

    def all_at(self, values: Sequence[KernelValue], where: Where, own: Where, domain: Domain) -> list[jax.Array]:
        """Values at some cells, to be written to the `own` ones of arrays."""
        self._own = own
        return [self.at(value, where, domain) for value in values]

    def mask(self, domain: Domain, within: Domain) -> jax.Array | bool:
        """Where a tile's cells are in a domain, being in another."""
        found: jax.Array | bool = True
        for cells, wanted, all_of_them in zip(self._coordinates, domain, within, strict=True):
            if wanted[0] > all_of_them[0]:
                found = found & (cells >= wanted[0])
            if wanted[1] < all_of_them[1]:
                found = found & (cells < wanted[1])
        return found

    def _found(self, value: KernelValue, where: Where, domain: Domain) -> jax.Array:
        if isinstance(value, np.ndarray):
            return self._constant(value, where, domain)
        if isinstance(value, KernelInput):
            if id(value) in self._written and where != self._own:
                raise NotTakenError("a field that is written where its neighbours are read")
            along = {index.axis for index in where}
            seen = tuple(cells if axis in along else self._full[axis] for axis, cells in enumerate(domain))
            return self._load(value, list(map(self.index, where)), self.mask(seen, self._full))
        if value.name in _PLACES:
            return _PLACES[value.name](self, value, where, domain)
        if value.name not in ARITHMETIC:
            raise NotTakenError(value.name)
        return self._computed(value, [self.at(x, _seen_by(x.shape, where), domain) for x in value.operands])

    def index(self, index: Index) -> Any:
        if index.axis is None:
            return np.int32(index.offset)
        cells = self._coordinates[index.axis]
        return (cells if index.sign == 1 else -cells) + np.int32(index.offset)

    def _constant(self, value: np.ndarray, where: Where, domain: Domain) -> jax.Array:
        """Of a few numbers the one at a place."""
        limits = [index.limits(domain) for index in where]
        first, *others = itertools.product(*(range(low, high + 1) for low, high in limits))
        found = jnp.asarray(value[first], value.dtype)
        for place in others:
            same = [self.index(index) == p for index, p in zip(where, place, strict=True) if index.axis is not None]
            found = _select(reduce(operator.and_, same), jnp.asarray(value[place], value.dtype), found)
        return found

    def chosen(
        self, inside: Domain | None, domain: Domain, then: Callable[[Domain], Any], otherwise: Callable[[Domain], Any]
    ) -> jax.Array:
        """then(a part of the domain) there, otherwise(the rest) elsewhere."""
        if inside is None:
            return otherwise(domain)
        if inside == domain:
            return then(domain)
        return _select(self.mask(inside, domain), then(inside), otherwise(without(domain, inside)))

    @staticmethod
    def _computed(value: KernelOperation, operands: Sequence[Any]) -> jax.Array:
        dtype = _dtype(value)
        if value.name == "convert_element_type":
            return lax.convert_element_type(operands[0], dtype)
        if value.name == "select_n":
            if len(operands) != 3:
                raise NotTakenError("select_n")
            return _select(operands[0], operands[2], operands[1])
        if value.name in ("min", "max") and jnp.issubdtype(dtype, jnp.inexact):
            # The compiler's own would not hand on what is no number.
            a, b = operands
            better = a < b if value.name == "min" else a > b
            return _select((a != a) | better, a, b)
        if value.name == "div" and jnp.issubdtype(dtype, jnp.inexact):
            return _quotient(*operands)
        if value.name == "integer_pow" and (power := value.equation.params["y"]) < 0:
            return _quotient(jnp.ones((), dtype), lax.integer_pow(operands[0], -power))
        if value.name == "neg" and jnp.issubdtype(dtype, jnp.inexact):
            # The compiler's own, 0 - x, would lose a zero's sign.
            return operands[0] * jnp.asarray(-1, dtype)
        if value.name == "rem" and jnp.issubdtype(dtype, jnp.inexact):
            # The compiler's own is x - trunc(x / y) y, which is wrong where the quotient is rounded up.
            raise NotTakenError("rem")
        found: jax.Array = value.equation.primitive.bind(*_alike(*operands), **value.equation.params)
        return found


def _quotient(a: jax.Array, b: jax.Array) -> jax.Array:
    if a.dtype != jnp.float32:
        return a / b
    # The compiler's own is not rounded to the nearest; that of a quotient of 53 bits is.
    return (a.astype(jnp.float64) / b.astype(jnp.float64)).astype(jnp.float32)


def _dtype(value: KernelOperation) -> Any:
    out: Any = value.equation.outvars[0]
    return out.aval.dtype


def _seen_by(shape: Sequence[int], where: Sequence[Index]) -> Where:
    """Of what is broadcast over these cells."""
    return tuple(index if n > 1 else HERE for index, n in zip(where, shape, strict=True)) if shape else ()


def _alike(*values: Any) -> list[jax.Array]:
    shape = jnp.broadcast_shapes(*(jnp.shape(x) for x in values))
    return [x if jnp.shape(x) == shape else jnp.broadcast_to(x, shape) for x in values]


def _select(condition: Any, then: Any, otherwise: Any) -> jax.Array:
    condition, then, otherwise = _alike(condition, then, otherwise)
    return lax.select_n(condition, otherwise, then)


def _iota(cells: CellValues, value: KernelOperation, where: Where, domain: Domain) -> jax.Array:
    return jnp.asarray(cells.index(where[value.equation.params["dimension"]])).astype(value.equation.params["dtype"])


def _broadcast(cells: CellValues, value: KernelOperation, where: Where, domain: Domain) -> jax.Array:
    (of,) = value.operands[:1]
    dims = value.equation.params["broadcast_dimensions"]
    return cells.at(of, _seen_by(of.shape, [where[d] for d in dims]), domain)


def _reshaped(cells: CellValues, value: KernelOperation, where: Where, domain: Domain) -> jax.Array:
    of = value.operands[0]
    long = [index for index, n in zip(where, value.shape, strict=True) if n > 1]
    if [n for n in of.shape if n > 1] != [n for n in value.shape if n > 1]:
        raise NotTakenError("reshape")
    rest = iter(long)
    return cells.at(of, tuple(next(rest) if n > 1 else HERE for n in of.shape), domain)


def _slice(cells: CellValues, value: KernelOperation, where: Where, domain: Domain) -> jax.Array:
    params = value.equation.params
    if params["strides"] is not None and any(s != 1 for s in params["strides"]):
        raise NotTakenError("slice with strides")
    return cells.at(value.operands[0], _shifted(where, params["start_indices"]), domain)


def _dynamic_slice(cells: CellValues, value: KernelOperation, where: Where, domain: Domain) -> jax.Array:
    of, *starts = value.operands
    return cells.at(of, _shifted(where, _places(starts, of.shape, value.shape)), domain)


def _rev(cells: CellValues, value: KernelOperation, where: Where, domain: Domain) -> jax.Array:
    dims = value.equation.params["dimensions"]
    turned = [i.mirrored(n) if d in dims else i for d, (i, n) in enumerate(zip(where, value.shape, strict=True))]
    return cells.at(value.operands[0], tuple(turned), domain)


def _dynamic_update_slice(cells: CellValues, value: KernelOperation, where: Where, domain: Domain) -> jax.Array:
    of, update, *starts = value.operands
    return _updated(cells, of, update, _places(starts, of.shape, update.shape), where, domain)


def _scatter(cells: CellValues, value: KernelOperation, where: Where, domain: Domain) -> jax.Array:
    of, indices, update = value.operands
    numbers = value.equation.params["dimension_numbers"]
    whole = tuple(numbers.update_window_dims) == tuple(range(len(of.shape))) and not numbers.inserted_window_dims
    if not (whole and isinstance(indices, np.ndarray) and indices.ndim == 1 and update.shape):
        raise NotTakenError("scatter")
    starts = [0] * len(of.shape)
    for dim, start in zip(numbers.scatter_dims_to_operand_dims, indices, strict=True):
        starts[dim] = int(start)
    if any(s < 0 or s + n > m for s, n, m in zip(starts, update.shape, of.shape, strict=True)):
        raise NotTakenError("scatter out of bounds")
    return _updated(cells, of, update, starts, where, domain)


def _updated(
    cells: CellValues, of: KernelValue, update: KernelValue, starts: Sequence[int], where: Where, domain: Domain
) -> jax.Array:
    inside: Domain | None = domain
    for index, start, n in zip(where, starts, update.shape, strict=True):
        inside = inside and index.within(start, start + n, inside)
    back = _shifted(where, [-start for start in starts])
    return cells.chosen(inside, domain, lambda d: cells.at(update, back, d), lambda d: cells.at(of, where, d))


def _concatenate(cells: CellValues, value: KernelOperation, where: Where, domain: Domain) -> jax.Array:
    dim = value.equation.params["dimension"]

    def from_part(number: int, start: int, domain: Domain) -> jax.Array:
        part = value.operands[number]
        here = tuple(i.shifted(-start) if d == dim else i for d, i in enumerate(where))
        until = start + part.shape[dim]
        if number == len(value.operands) - 1:
            return cells.at(part, here, domain)
        inside = where[dim].within(start, until, domain)
        return cells.chosen(
            inside, domain, lambda d: cells.at(part, here, d), lambda d: from_part(number + 1, until, d)
        )

    return from_part(0, 0, domain)


def _pad(cells: CellValues, value: KernelOperation, where: Where, domain: Domain) -> jax.Array:
    of, filling = value.operands
    config = value.equation.params["padding_config"]
    if any(inner for _, _, inner in config):
        raise NotTakenError("pad between cells")
    lows = [low for low, _, _ in config]
    inside: Domain | None = domain
    for index, low, n in zip(where, lows, of.shape, strict=True):
        inside = inside and index.within(low, low + n, inside)
    back = _shifted(where, [-low for low in lows])
    return cells.chosen(inside, domain, lambda d: cells.at(of, back, d), lambda d: cells.at(filling, (), d))


_PLACES = {
    "iota": _iota,
    "broadcast_in_dim": _broadcast,
    "reshape": _reshaped,
    "squeeze": _reshaped,
    "expand_dims": _reshaped,
    "slice": _slice,
    "dynamic_slice": _dynamic_slice,
    "rev": _rev,
    "dynamic_update_slice": _dynamic_update_slice,
    "scatter": _scatter,
    "concatenate": _concatenate,
    "pad": _pad,
}


def _shifted(where: Where, by: Sequence[int]) -> Where:
    return tuple(index.shifted(start) for index, start in zip(where, by, strict=True))


def _places(starts: Sequence[KernelValue], shape: Sequence[int], part: Sequence[int]) -> list[int]:
    """Where a part of an array begins, moved inwards as JAX does; it must be known when compiling."""
    known = [int(start) for start in starts if isinstance(start, np.ndarray)]
    if len(known) < len(starts):
        raise NotTakenError("a place that is not known when compiling")
    return [min(max(start, 0), n - m) for start, n, m in zip(known, shape, part, strict=True)]
