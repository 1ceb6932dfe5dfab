"""shard_map over a mesh of devices, of one process or of all processes of jax.distributed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sim.team import Team
from sim.topology import Box, Topology, box_shape
from sim.transport.collectives import NamedAxes
from sim.transport.protocol import Compiled, Evaluate, Program, bind, core_of, ghosted


class ShardMap:
    """A field is one array of ghosted blocks side by side, one a device, sharded over a mesh.

    The mesh holds the blocks from `origin` on, `exchange.blocks` of them along each axis: all of the
    topology's, or this rank's share of them.
    """

    def __init__(
        self,
        name: str,
        topology: Topology,
        team: Team,
        devices: Sequence[jax.Device],
        ghosts: int,
        exchange: NamedAxes,
        origin: Sequence[int],
    ) -> None:
        self.name = name
        self.topology = topology
        self.team = team
        self.ghosts = ghosts
        self._exchange = exchange
        self._origin = tuple(origin)
        self._split = PartitionSpec(*exchange.names)
        mesh = Mesh(np.array(devices).reshape(exchange.blocks), exchange.names)
        self._sharding = NamedSharding(mesh, self._split)

    @property
    def _ghosted_shape(self) -> tuple[int, ...]:
        return tuple(n + 2 * self.ghosts for n in self.topology.largest)

    def place(self, evaluate: Evaluate, dtype: npt.DTypeLike) -> jax.Array:
        shape = tuple(p * n for p, n in zip(self._exchange.blocks, self._ghosted_shape, strict=True))

        def on_device(index: Any) -> Any:
            return ghosted(evaluate(self._box(index)), self.topology.largest, self.ghosts, dtype)

        return jax.make_array_from_callback(shape, self._sharding, on_device)

    def compile(self, program: Program, donate: tuple[int, ...] = ()) -> Compiled:
        run_block = bind(program, self.topology, self.ghosts, self._exchange)

        def run_all(*arguments: Any) -> tuple[Any, Any]:
            sharded = jax.shard_map(
                run_block,
                mesh=self._sharding.mesh,
                in_specs=jax.tree.map(self._spec, arguments),
                out_specs=(self._split, PartitionSpec()),
                check_vma=False,
            )
            result: tuple[Any, Any] = sharded(*arguments)
            return result

        return jax.jit(run_all, donate_argnums=donate)

    def blocks(self, field: jax.Array) -> Iterator[tuple[Box, np.ndarray]]:
        for shard in field.addressable_shards:
            box = self._box(shard.index)
            yield box, np.asarray(shard.data)[core_of(box_shape(box), self.ghosts)]

    def _spec(self, leaf: Any) -> PartitionSpec:
        return self._split if np.ndim(leaf) == len(self.topology.shape) else PartitionSpec()

    def _box(self, index: tuple[slice, ...]) -> Box:
        """The global cells of the block that lies at `index` of a distributed field."""
        steps = zip(index, self._ghosted_shape, self._origin, strict=True)
        return self.topology.box(self.topology.rank([(s.start or 0) // n + o for s, n, o in steps]))


def over_all_devices(
    topology: Topology, team: Team, devices: Sequence[jax.Device], ghosts: int, exchange: NamedAxes
) -> ShardMap:
    """The transport `xla`: XLA's collectives connect everybody."""
    origin = (0,) * len(topology.shape)
    return ShardMap("xla", topology, team, devices, ghosts, exchange, origin)
