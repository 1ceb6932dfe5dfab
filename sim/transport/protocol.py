"""What a transport is: where blocks live, and how the program of one block runs on all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from sim.heap import give_back_memory
from sim.team import Team
from sim.topology import Box, Ghosts, Topology
from solvers.block import Block, Count
from solvers.exchange import Exchange

# Bytes of a block that are worth giving back.
_MUCH = 1 << 24

# Of XLA's arrays on CPUs, in bytes.
_ALIGNMENT = 64

Program: TypeAlias = Callable[..., tuple[Any, Any]]
"""program(block, exchange, *arguments) → (arrays, scalars), the code of one block.

Both are pytrees.  An array with as many axes as the grid is a ghosted block, one with a leading axis besides such a
block of each member of an ensemble; anything else is a scalar, the same for all blocks.
"""

Compiled: TypeAlias = Callable[..., tuple[Any, Any]]
"""A jitted program of distributed fields and scalars."""

Evaluate: TypeAlias = Callable[[Box], np.ndarray]
"""Values on a box of global cells, of the box's shape."""


class PerMember(NamedTuple):
    """A scalar of each member of an ensemble, [members]; not to be taken for a block of a grid of one axis."""

    values: jax.Array


class Transport(Protocol):
    """Runs the program of one block on all blocks, wherever they live."""

    name: str
    topology: Topology
    team: Team
    margins: tuple[int, ...]

    def place(self, evaluate: Evaluate, dtype: npt.DTypeLike, members: int | None = None) -> jax.Array:
        """A distributed field of ghosted blocks, each evaluated where it lives; the ghosts are zero.

        With `members` the values on a box have a leading axis of that length, and so have the blocks.
        """
        ...

    def compile(self, program: Program, donate: tuple[int, ...] = ()) -> Compiled:
        """The program as a function of distributed fields and scalars.

        `donate` numbers the arguments, after block and exchange, whose memory may be reused.
        """
        ...

    def blocks(self, field: jax.Array) -> Iterator[tuple[Box, np.ndarray]]:
        """The interiors of the blocks that live in this process, one at a time, with their place.

        Where a field has members the blocks have them too, and the place says which: its first slice.
        """
        ...


class Members(Transport, Protocol):
    """A transport of fields with members: runs the program of one block of one member on all blocks of all.

    What a program returns has a leading axis, the members, where it depends on something that has one.
    """

    def place_each(
        self, evaluates: Sequence[Evaluate], dtype: npt.DTypeLike, now: jax.Array | None = None
    ) -> jax.Array:
        """A distributed field of blocks of all members, each evaluated where it lives; like `place`.

        `now`: such a field, of which stays what no `blocks` tell of: members that others have, in places left over.
        """
        ...

    def per_member(self, numbers: Sequence[float], dtype: npt.DTypeLike) -> PerMember:
        """A scalar of each member."""
        ...


class LocatedExchange(Exchange, Protocol):
    """An exchange that knows where in the process grid its block is, in any program."""

    def coordinate(self, axis: int) -> Count: ...

    def located(self) -> LocatedExchange:
        """The same within one program."""
        ...


def block_at(topology: Topology, ghosts: Ghosts, place: LocatedExchange) -> Block:
    """The block at a place known only when running: all have the largest one's shape, each its own extent."""
    extent: list[Count] = []
    offset: list[Count] = []
    for axis, (cells, parts) in enumerate(zip(topology.shape, topology.blocks, strict=True)):
        here, unit = place.coordinate(axis), topology.unit
        size, larger = divmod(-(-cells // unit), parts)
        start: Count = 0 if parts == 1 else (here * size + jnp.minimum(here, larger)) * unit
        if cells % (parts * unit) == 0:
            extent.append(size * unit)
        else:
            extent.append(jnp.asarray(jnp.minimum((size + (here < larger)) * unit, cells - start), jnp.int32))
        offset.append(start)
    return Block(topology.largest, ghosts.shared, tuple(extent), tuple(offset), ghosts.margins(topology))


def bind(program: Program, topology: Topology, ghosts: Ghosts, exchange: LocatedExchange) -> Program:
    """The program with its block and exchange filled in when it runs."""

    def run_block(*arguments: Any) -> tuple[Any, Any]:
        here = exchange.located()
        return program(block_at(topology, ghosts, here), here, *arguments)

    return run_block


def is_scalar(value: Any) -> bool:
    """Whether it is one number, or one a member."""
    return isinstance(value, PerMember) or np.ndim(value) == 0


def leaves_of(arguments: Any) -> list[Any]:
    return jax.tree.leaves(arguments, is_leaf=_is_per_member)


def map_arguments(function: Callable[[Any], Any], arguments: Any) -> Any:
    """A function of each leaf of a program's arguments, of which a PerMember is one."""
    return jax.tree.map(function, arguments, is_leaf=_is_per_member)


def _is_per_member(value: Any) -> bool:
    return isinstance(value, PerMember)


def lead_of(members: int | None) -> tuple[int, ...]:
    """The leading axes of a field."""
    return () if members is None else (members,)


def ghosted_shape(shape: tuple[int, ...], margins: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n + 2 * margin for n, margin in zip(shape, margins, strict=True))


def ghosted(values: np.ndarray, shape: tuple[int, ...], margins: tuple[int, ...], dtype: npt.DTypeLike) -> np.ndarray:
    """`values`, a block's own cells, in a ghosted array of `shape` interior cells, zero elsewhere.

    No caller should hold on to `values`: the block has their room next.
    """
    lead = values.shape[: values.ndim - len(shape)]
    array = zeros((*lead, *ghosted_shape(shape, margins)), dtype)
    array[core_of(values.shape[len(lead) :], margins)] = values
    del values
    _make_room(array)
    return array


def zeros(shape: Sequence[int], dtype: npt.DTypeLike) -> np.ndarray:
    """Zeros that XLA copies when it is given them.

    An array that begins at a multiple of 64 bytes it takes as it is, even when told not to.  Since that memory stays
    numpy's, the loop could not write there, and would begin by copying it: three fields instead of two.
    """
    count = math.prod(shape)
    room = np.zeros(count + 1, dtype)
    begin = int(room.ctypes.data % _ALIGNMENT == 0)
    return room[begin : begin + count].reshape(shape)


def settled(array: jax.Array) -> jax.Array:
    """The array once it is there, what it was made from being gone from this process."""
    array.block_until_ready()
    _make_room(array)
    return array


def _make_room(array: jax.Array | np.ndarray) -> None:
    """For another one like this, where that is worth the time."""
    if array.nbytes > _MUCH:
        give_back_memory()


def core_of(shape: tuple[int, ...], margins: tuple[int, ...]) -> tuple[Any, ...]:
    """Where a block's own cells, `shape` of them, lie in its ghosted array."""
    return (..., *(slice(margin, margin + n) for n, margin in zip(shape, margins, strict=True)))


def place_of(box: Box, block: np.ndarray) -> Box:
    """The place of a block: its box, and before that its members, where it has some."""
    return (*(slice(0, n) for n in block.shape[: block.ndim - len(box)]), *box)
