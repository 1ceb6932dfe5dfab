"""Many ranks in one process: blocks stacked along leading axes, one program mapped over all of them."""

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
    Program,
    bind,
    core_of,
    ghosted,
    ghosted_shape,
    is_scalar,
    lead_of,
    map_arguments,
    place_of,
    settled,
    zeros,
)


class Stacked:
    """A field is an array [*blocks, (members,) *ghosted_shape]; vmap's named axes stand for the ranks.

    On one device this is `virtual`: any number of ranks, in one process, with nothing installed.  With
    `devices`, one a block, the leading axes are sharded and the same program under plain jit is JAX's automatic
    parallelization, `auto-sharded`: no collective is written down, XLA's partitioner places them.
    """

    def __init__(
        self,
        name: str,
        topology: Topology,
        team: Team,
        ghosts: Ghosts,
        exchange: NamedAxes,
        devices: Sequence[jax.Device],
    ) -> None:
        self.name = name
        self.topology = topology
        self.team = team
        self.margins = ghosts.margins(topology)
        self._ghosts = ghosts
        self._exchange = exchange
        if len(devices) == 1:
            self._sharding: Any = jax.sharding.SingleDeviceSharding(devices[0])
        else:
            mesh = Mesh(np.array(devices).reshape(topology.blocks), exchange.names)
            self._sharding = NamedSharding(mesh, PartitionSpec(*exchange.names))

    def place(self, evaluate: Evaluate, dtype: npt.DTypeLike, members: int | None = None) -> jax.Array:
        blocks, largest = self.topology.blocks, self.topology.largest
        shape = (*blocks, *lead_of(members), *ghosted_shape(largest, self.margins))

        def on_device(index: Any) -> Any:
            ranges = [range(*s.indices(b)) for s, b in zip(index, blocks, strict=False)]
            array = zeros([len(r) for r in ranges] + list(shape[len(blocks) :]), dtype)
            for local in np.ndindex(*(len(r) for r in ranges)):
                rank = self.topology.rank([r[i] for r, i in zip(ranges, local, strict=True)])
                array[local] = ghosted(evaluate(self.topology.box(rank)), largest, self.margins, dtype)
            return array

        return settled(jax.make_array_from_callback(shape, self._sharding, on_device))

    def compile(self, program: Program, donate: tuple[int, ...] = ()) -> Compiled:
        run_block = bind(program, self.topology, self._ghosts, self._exchange)

        def run_all(*arguments: Any) -> tuple[Any, Any]:
            in_axes = map_arguments(self._mapped, arguments)
            mapped = run_block
            for name, parts in reversed(list(zip(self._exchange.names, self._exchange.blocks, strict=True))):
                mapped = jax.vmap(mapped, in_axes=in_axes, out_axes=(0, None), axis_name=name, axis_size=parts)
            arrays, scalars = mapped(*arguments)
            return jax.lax.with_sharding_constraint(arrays, self._sharding), scalars

        return jax.jit(run_all, donate_argnums=donate)

    def blocks(self, field: jax.Array) -> Iterator[tuple[Box, np.ndarray]]:
        for rank in range(self.topology.count):
            box = self.topology.box(rank)
            block = np.asarray(field[self.topology.coordinates(rank)])[core_of(box_shape(box), self.margins)]
            yield place_of(box, block), block

    def _mapped(self, leaf: Any) -> int | None:
        axes = 2 * len(self.topology.shape)
        return 0 if not is_scalar(leaf) and np.ndim(leaf) in (axes, axes + 1) else None
