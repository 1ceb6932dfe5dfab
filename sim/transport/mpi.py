"""Halos and sums through mpi4jax: one block and one device a rank."""

from __future__ import annotations

from typing import Any

import jax

from sim.topology import Topology
from solvers.exchange import LOWER


class MpiExchange:
    """The exchange of one rank.  Works under jit only: outside, mpi4jax does not keep its calls in order.

    `comm` must be a communicator of the exchange's own (a clone), so that its messages meet no others.
    """

    def __init__(self, topology: Topology, comm: Any) -> None:
        # Imported here: only a run over MPI may need it installed.
        import mpi4jax
        from mpi4py import MPI

        self._mpi4jax = mpi4jax
        self._sum, self._max = MPI.SUM, MPI.MAX
        self._topology = topology
        self._comm = comm
        self._rank: int = comm.Get_rank()

    def shift(self, strip: jax.Array, axis: int, step: int) -> jax.Array:
        if self._topology.blocks[axis] == 1:
            return strip
        dest = self._topology.neighbour(self._rank, axis, step)
        source = self._topology.neighbour(self._rank, axis, -step)
        # Of what is to be received only the shape is asked, and under vmap that it is mapped like what is sent.
        arrived: jax.Array = self._mpi4jax.sendrecv(strip, strip, source=source, dest=dest, comm=self._comm)
        return arrived

    def coordinate(self, axis: int) -> int:
        return self._topology.coordinates(self._rank)[axis]

    def at_edge(self, axis: int, side: int) -> bool:
        return self.coordinate(axis) == (0 if side == LOWER else self._topology.blocks[axis] - 1)

    def sum(self, x: jax.Array) -> jax.Array:
        total: jax.Array = self._mpi4jax.allreduce(x, op=self._sum, comm=self._comm)
        return total

    def max(self, x: jax.Array) -> jax.Array:
        largest: jax.Array = self._mpi4jax.allreduce(x, op=self._max, comm=self._comm)
        return largest
