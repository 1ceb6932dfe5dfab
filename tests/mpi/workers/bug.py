"""`sim` with a bug that shows on rank 1 only, in the middle of the run."""

from __future__ import annotations

from mpi4py import MPI

from sim import cli
from sim.simulation import Simulation


def broken(simulation: Simulation) -> int:
    if MPI.COMM_WORLD.Get_rank() == 1:
        raise AssertionError("a bug on rank 1")
    return 0


Simulation.broken_cells = broken  # type: ignore[method-assign]
cli.entry()
