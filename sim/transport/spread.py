"""Ensembles with each member whole on one device of one rank: nothing to exchange."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sim.team import Team
from sim.topology import Box, Ghosts, Topology, box_shape
from sim.transport.members import count_of, has_members, over_members, stacked
from sim.transport.protocol import Compiled, Evaluate, PerMember, Program, core_of, ghosted, map_arguments, settled
from solvers.block import Block
from solvers.exchange import Alone

_MEMBER = "member"
_EACH, _ALL = PartitionSpec(_MEMBER), PartitionSpec()


class Spread:
    """A field is an array [held, *ghosted_shape] of whole grids, sharded over a mesh of devices.

    The mesh is all there is where XLA connects the processes, or else this rank's part of it, one of `ranks`.  Every
    device holds as many members; the last one repeats itself in what is left over, and is written once.

        5 members on 2 ranks of 2 devices:    rank 0: 0 1 | 2 3    rank 1: 4 4 | 4 4
    """

    def __init__(
        self,
        name: str,
        shape: Sequence[int],
        team: Team,
        devices: Sequence[jax.Device],
        ranks: int,
        ghosts: Ghosts,
        members: int,
        by_vmap: bool,
    ) -> None:
        self.name = name
        self.topology = Topology(tuple(shape), (1,) * len(shape))
        self.team = team
        self.margins = ghosts.margins(self.topology)
        self._members = members
        self._by_vmap = by_vmap
        self._ranks = ranks
        self._held = len(devices) * -(-members // (len(devices) * ranks))
        self._first = self._held * team.rank if ranks > 1 else 0
        self._mesh = Mesh(np.array(devices), (_MEMBER,))
        self._box = self.topology.box(0)
        self._block = Block(self.topology.shape, ghosts.shared, margins=self.margins)

    def place(self, evaluate: Evaluate, dtype: npt.DTypeLike, members: int | None = None) -> jax.Array:
        values = ghosted(evaluate(self._box), self._block.shape, self.margins, dtype)
        return jax.make_array_from_callback(values.shape, NamedSharding(self._mesh, _ALL), lambda index: values[index])

    def place_each(
        self, evaluates: Sequence[Evaluate], dtype: npt.DTypeLike, now: jax.Array | None = None
    ) -> jax.Array:
        def on_device(index: Any) -> Any:
            if now is not None and self._first + index[0].indices(self._held)[0] >= self._members:
                return next(np.array(shard.data) for shard in now.addressable_shards if shard.index == index)
            evaluate = stacked([evaluates[number] for number in self._numbers(index[0])])
            return ghosted(evaluate(self._box), self._block.shape, self.margins, dtype)

        shape = (self._held, *self._block.ghosted_shape)
        return settled(jax.make_array_from_callback(shape, NamedSharding(self._mesh, _EACH), on_device))

    def per_member(self, numbers: Sequence[float], dtype: npt.DTypeLike) -> PerMember:
        values = np.asarray(numbers, dtype)

        def on_device(index: Any) -> Any:
            return values[self._numbers(index[0])]

        sharding = NamedSharding(self._mesh, _EACH)
        return PerMember(jax.make_array_from_callback((self._held,), sharding, on_device))

    def compile(self, program: Program, donate: tuple[int, ...] = ()) -> Compiled:
        ndim = len(self.topology.shape)
        of_each = over_members(program, ndim, donate, self._by_vmap)

        def run_all(*arguments: Any) -> tuple[Any, Any]:
            several = count_of(arguments, ndim) is not None

            def run_here(*mine: Any) -> tuple[Any, Any]:
                arrays, scalars = of_each(self._block, Alone(), *mine)
                if several:
                    scalars = jax.tree.map(lambda x: lax.all_gather(x, _MEMBER, tiled=True), scalars)
                return arrays, scalars

            sharded = jax.shard_map(
                run_here,
                mesh=self._mesh,
                in_specs=map_arguments(lambda leaf: _EACH if has_members(leaf, ndim) else _ALL, arguments),
                out_specs=(_EACH if several else _ALL, _ALL),
                check_vma=False,
            )
            result: tuple[Any, Any] = sharded(*arguments)
            return result

        return _Gathered(jax.jit(run_all, donate_argnums=donate), self, ndim)

    def blocks(self, field: jax.Array) -> Iterator[tuple[Box, np.ndarray]]:
        for shard in field.addressable_shards:
            start, stop = (min(self._first + i, self._members) for i in shard.index[0].indices(self._held)[:2])
            mine = np.asarray(shard.data)[: stop - start][core_of(box_shape(self._box), self.margins)]
            yield (slice(start, stop), *self._box), mine

    def _numbers(self, index: slice) -> list[int]:
        """The members that lie at some places of this mesh."""
        return [min(self._first + i, self._members - 1) for i in range(*index.indices(self._held))]

    def gather(self, scalar: Any) -> np.ndarray:
        """A number of each member, [members], from those that the ranks hold.  Collective."""
        here = np.asarray(scalar)
        everywhere = np.concatenate(self.team.gather(here)) if self._ranks > 1 else here
        return everywhere[: self._members]


class _Gathered:
    """A jitted program whose numbers the ranks tell one another."""

    def __init__(self, program: Any, transport: Spread, ndim: int) -> None:
        self.trace = program.trace
        self._program, self._transport, self._ndim = program, transport, ndim

    def __call__(self, *arguments: Any) -> tuple[Any, Any]:
        several = count_of(arguments, self._ndim) is not None
        arrays, scalars = self._program(*arguments)
        return arrays, jax.tree.map(self._transport.gather, scalars) if several else scalars
