"""Ensembles: one program mapped over the members of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import lax

from sim.topology import Box
from sim.transport.protocol import (
    Compiled,
    Evaluate,
    PerMember,
    Program,
    Transport,
    leaves_of,
    map_arguments,
)
from solvers.block import Block
from solvers.exchange import Exchange


def at_once(program: Program, ndim: int) -> Program:
    """The program of one block for the blocks of all members at once, by vmap.

    A message then carries the strips of all members, and a sum the numbers of all.
    """

    def run_all(block: Block, exchange: Exchange, *arguments: Any) -> tuple[Any, Any]:
        def run_one(*of_one: Any) -> tuple[Any, Any]:
            return program(block, exchange, *map_arguments(_plain, of_one))

        if count_of(arguments, ndim) is None:
            return program(block, exchange, *arguments)
        axes = map_arguments(lambda leaf: 0 if has_members(leaf, ndim) else None, arguments)
        return jax.vmap(run_one, in_axes=axes)(*arguments)

    return run_all


def in_turn(program: Program, ndim: int, in_place: bool) -> Program:
    """The same for one member after the other, each in cache while it is stepped, by a loop.

    `in_place`: the arrays that the program returns are its first argument, changed.
    """

    def run_all(block: Block, exchange: Exchange, *arguments: Any) -> tuple[Any, Any]:
        def run_one(member: jax.Array, *of_all: Any) -> tuple[Any, Any]:
            return program(block, exchange, *map_arguments(lambda leaf: _of_member(leaf, member, ndim), of_all))

        def change(whole: Any, member: jax.Array) -> tuple[Any, Any]:
            arrays, scalars = run_one(member, whole, *arguments[1:])

            def put(of_all: jax.Array, of_one: jax.Array) -> jax.Array:
                return lax.dynamic_update_index_in_dim(of_all, of_one, member, 0)

            return jax.tree.map(put, whole, arrays), scalars

        count = count_of(arguments, ndim)
        if count is None:
            return program(block, exchange, *arguments)
        if in_place:
            changed: tuple[Any, Any] = lax.scan(change, arguments[0], jnp.arange(count))
            return changed
        found: tuple[Any, Any] = lax.scan(lambda _, i: ((), run_one(i, *arguments)), (), jnp.arange(count))[1]
        return found

    return run_all


def count_of(arguments: Any, ndim: int) -> int | None:
    """How many members arguments have; None where none of them has any."""
    counts = [_plain(leaf).shape[0] for leaf in leaves_of(arguments) if has_members(leaf, ndim)]
    return counts[0] if counts else None


def has_members(leaf: Any, ndim: int) -> bool:
    return isinstance(leaf, PerMember) or jnp.ndim(leaf) == ndim + 1


def _of_member(leaf: Any, member: jax.Array, ndim: int) -> Any:
    if not has_members(leaf, ndim):
        return leaf
    return lax.dynamic_index_in_dim(_plain(leaf), member, keepdims=False)


def _plain(leaf: Any) -> Any:
    return leaf.values if isinstance(leaf, PerMember) else leaf


def over_members(program: Program, ndim: int, donate: tuple[int, ...], by_vmap: bool) -> Program:
    return at_once(program, ndim) if by_vmap else in_turn(program, ndim, in_place=0 in donate)


class Together:
    """All members in every block, wherever another transport has its blocks: members × domain."""

    def __init__(self, inner: Transport, by_vmap: bool) -> None:
        self.name = inner.name
        self.topology = inner.topology
        self.team = inner.team
        self.margins = inner.margins
        self._inner = inner
        self._by_vmap = by_vmap

    def place(self, evaluate: Evaluate, dtype: npt.DTypeLike, members: int | None = None) -> jax.Array:
        return self._inner.place(evaluate, dtype, members)

    def place_each(
        self, evaluates: Sequence[Evaluate], dtype: npt.DTypeLike, now: jax.Array | None = None
    ) -> jax.Array:
        return self._inner.place(stacked(evaluates), dtype, len(evaluates))

    def per_member(self, numbers: Sequence[float], dtype: npt.DTypeLike) -> PerMember:
        return PerMember(jnp.asarray(np.asarray(numbers, dtype)))

    def compile(self, program: Program, donate: tuple[int, ...] = ()) -> Compiled:
        return self._inner.compile(over_members(program, len(self.topology.shape), donate, self._by_vmap), donate)

    def blocks(self, field: jax.Array) -> Iterator[tuple[Box, np.ndarray]]:
        return self._inner.blocks(field)


def stacked(evaluates: Sequence[Evaluate]) -> Evaluate:
    """The values of all members on a box, [members, …]."""

    def evaluate(box: Box) -> np.ndarray:
        return np.stack([of_member(box) for of_member in evaluates])

    return evaluate
