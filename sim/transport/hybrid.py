"""XLA's collectives among the devices of a rank, MPI between ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from sim.errors import SimError
from sim.team import MpiTeam
from sim.topology import Ghosts, Topology, axis_names, process_grids
from sim.transport.collectives import Halo, NamedAxes
from sim.transport.xla import ShardMap
from solvers.exchange import LOWER, UPPER


class HybridExchange(NamedAxes):
    """The exchange of one of a rank's blocks.

    A rank's devices are a ring along each axis, of which the ranks make one long ring.  The strip that has gone
    around the local ring lies just where it must leave the rank: there, and only there, it is handed to MPI in
    return for the strip that comes in from the other side.

        rank 0:  A → B ┐     rank 1:  C → D ┐      ppermute brings B's strip to A and D's to C;
                 ↑     │              ↑     │      MPI then swaps the two: A holds D's, C holds B's
                 └─────┘              └─────┘
    """

    def __init__(self, names: Sequence[str], topology: Topology, devices: Sequence[int], comm: Any, halo: Halo) -> None:
        # Imported here: only a run over MPI may need it installed.
        from mpi4py import MPI

        from sim.transport import rank_ops

        super().__init__(names, devices, halo)
        self._ops = rank_ops
        self._sum, self._max = MPI.SUM, MPI.MAX
        self._topology = topology
        per_axis = zip(topology.blocks, devices, strict=True)
        self._ranks = Topology(topology.shape, tuple(b // d for b, d in per_axis))
        self._comm = comm
        self._rank: int = comm.Get_rank()

    @property
    def origin(self) -> tuple[int, ...]:
        """Coordinates of this rank's first block."""
        here = self._ranks.coordinates(self._rank)
        return tuple(c * d for c, d in zip(here, self.blocks, strict=True))

    def coordinate(self, axis: int) -> jax.Array:
        return self.index(axis) + self.origin[axis]

    def shift(self, strip: jax.Array, axis: int, step: int) -> jax.Array:
        arrived = super().shift(strip, axis, step)
        if self._ranks.blocks[axis] == 1:
            return arrived
        entrance = 0 if step == UPPER else self.blocks[axis] - 1
        swap = self._swaps(axis, step)
        # Every device has a tag of its own, so every device has a branch of its own.
        branch = jnp.where(self.index(axis) == entrance, self._device(), len(swap))
        return lax.switch(branch, [*swap, lambda s: s], arrived)

    def at_edge(self, axis: int, side: int) -> bool | jax.Array:
        parts = self._topology.blocks[axis]
        return True if parts == 1 else self.coordinate(axis) == (0 if side == LOWER else parts - 1)

    def sum(self, x: jax.Array) -> jax.Array:
        return self._among_ranks(super().sum(x), self._sum)

    def max(self, x: jax.Array) -> jax.Array:
        return self._among_ranks(super().max(x), self._max)

    def _device(self) -> jax.Array:
        """Number of this device within its rank."""
        number = jnp.int32(0)
        for axis, parts in enumerate(self.blocks):
            number = number * parts + self.index(axis).astype(jnp.int32)
        return number

    def _swaps(self, axis: int, step: int) -> list[Any]:
        """For each device the call that hands a strip on along `axis` and takes the one that comes."""
        dest = self._ranks.neighbour(self._rank, axis, step)
        source = self._ranks.neighbour(self._rank, axis, -step)
        kind = 2 * axis + (step == UPPER)

        def swap_of(device: int) -> Any:
            tag = 6 * device + kind
            return lambda s: self._ops.sendrecv(s, source=source, dest=dest, tag=tag, comm=self._comm)

        return [swap_of(device) for device in range(Topology(self._topology.shape, self.blocks).count)]

    def _among_ranks(self, x: jax.Array, op: Any) -> jax.Array:
        """Reduce over the ranks what all devices of a rank agree on: the first device asks for all of them."""
        reduced = lax.cond(
            self._device() == 0, lambda v: self._ops.allreduce(v, op=op, comm=self._comm), jnp.zeros_like, x
        )
        return lax.psum(reduced, self.names)


def device_grid(blocks: Sequence[int], devices: int) -> tuple[int, ...] | None:
    """How a rank's devices share a process grid: factors that divide it, the fewest cuts between ranks.

    None where no factors of `devices` divide the grid.
    """
    fitting = [
        grid
        for grid in process_grids(devices, len(blocks))
        if all(b % d == 0 for b, d in zip(blocks, grid, strict=True))
    ]
    return min(fitting, key=lambda grid: sum(b > d for b, d in zip(blocks, grid, strict=True)), default=None)


def over_ranks_and_devices(
    topology: Topology, team: MpiTeam, devices: Sequence[jax.Device], ghosts: Ghosts, halo: Halo
) -> ShardMap:
    """The transport `hybrid`.  Raises SimError where a rank's devices can't share the process grid."""
    grid = device_grid(topology.blocks, len(devices))
    if grid is None:
        raise SimError(
            f"{len(devices)} devices a rank can't share the process grid {topology.blocks}; "
            f"give one with --process-grid whose factors they divide"
        )
    exchange = HybridExchange(axis_names(len(topology.shape)), topology, grid, team.halo_comm, halo)
    return ShardMap("hybrid", topology, team, devices, ghosts, exchange, exchange.origin)
