"""shard_map over a mesh of devices, of one process or of all processes of jax.distributed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sim.team import Team
from sim.topology import Box, Ghosts, Topology, box_shape
from sim.transport.collectives import NamedAxes
from sim.transport.protocol import (
    Compiled,
    Evaluate,
    PerMember,
    Program,
    bind,
    core_of,
    ghosted,
    ghosted_shape,
    lead_of,
    leaves_of,
    map_arguments,
    place_of,
    settled,
)


class ShardMap:
    """A field is one array of ghosted blocks side by side, one a device, sharded over a mesh; (members,) before that.

    The mesh holds the blocks from `origin` on, `exchange.blocks` of them along each axis: all of the
    topology's, or this rank's share of them.
    """

    def __init__(
        self,
        name: str,
        topology: Topology,
        team: Team,
        devices: Sequence[jax.Device],
        ghosts: Ghosts,
        exchange: NamedAxes,
        origin: Sequence[int],
    ) -> None:
        self.name = name
        self.topology = topology
        self.team = team
        self.margins = ghosts.margins(topology)
        self._ghosts = ghosts
        self._exchange = exchange
        self._origin = tuple(origin)
        self._mesh = Mesh(np.array(devices).reshape(exchange.blocks), exchange.names)

    @property
    def _ghosted_shape(self) -> tuple[int, ...]:
        return ghosted_shape(self.topology.largest, self.margins)

    def place(self, evaluate: Evaluate, dtype: npt.DTypeLike, members: int | None = None) -> jax.Array:
        lead = lead_of(members)
        shape = (*lead, *(p * n for p, n in zip(self._exchange.blocks, self._ghosted_shape, strict=True)))
        sharding = NamedSharding(self._mesh, self._split(len(lead)))

        def on_device(index: Any) -> Any:
            return ghosted(evaluate(self._box(index)), self.topology.largest, self.margins, dtype)

        return settled(jax.make_array_from_callback(shape, sharding, on_device))

    def compile(self, program: Program, donate: tuple[int, ...] = ()) -> Compiled:
        run_block = bind(program, self.topology, self._ghosts, self._exchange)

        def run_all(*arguments: Any) -> tuple[Any, Any]:
            leads = [lead for leaf in leaves_of(arguments) if (lead := self._lead(leaf)) is not None]
            sharded = jax.shard_map(
                run_block,
                mesh=self._mesh,
                in_specs=map_arguments(self._spec, arguments),
                out_specs=(self._split(max(leads, default=0)), PartitionSpec()),
                check_vma=False,
            )
            result: tuple[Any, Any] = sharded(*arguments)
            return result

        return jax.jit(run_all, donate_argnums=donate)

    def blocks(self, field: jax.Array) -> Iterator[tuple[Box, np.ndarray]]:
        for shard in field.addressable_shards:
            box = self._box(shard.index)
            block = np.asarray(shard.data)[core_of(box_shape(box), self.margins)]
            yield place_of(box, block), block

    def _spec(self, leaf: Any) -> PartitionSpec:
        lead = self._lead(leaf)
        return PartitionSpec() if lead is None else self._split(lead)

    def _split(self, lead: int) -> PartitionSpec:
        """How a field is cut that has so many axes before the grid's."""
        return PartitionSpec(*[None] * lead, *self._exchange.names)

    def _lead(self, leaf: Any) -> int | None:
        """The axes before the grid's of an argument; None where it is no field."""
        lead = -1 if isinstance(leaf, PerMember) else np.ndim(leaf) - len(self.topology.shape)
        return lead if lead in (0, 1) else None

    def _box(self, index: tuple[slice, ...]) -> Box:
        """The global cells of the block that lies at `index` of a distributed field."""
        index = index[len(index) - len(self._origin) :]
        steps = zip(index, self._ghosted_shape, self._origin, strict=True)
        return self.topology.box(self.topology.rank([(s.start or 0) // n + o for s, n, o in steps]))


def over_all_devices(
    topology: Topology, team: Team, devices: Sequence[jax.Device], ghosts: Ghosts, exchange: NamedAxes
) -> ShardMap:
    """The transport `xla`: XLA's collectives connect everybody."""
    origin = (0,) * len(topology.shape)
    return ShardMap("xla", topology, team, devices, ghosts, exchange, origin)
