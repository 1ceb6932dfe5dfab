"""`sim` with a rank 1 that never comes back from the end of its first chunk."""

from __future__ import annotations

import time

from mpi4py import MPI

from sim import cli
from sim.simulation import Simulation

count = Simulation.broken_cells


def hanging(simulation: Simulation) -> int:
    if MPI.COMM_WORLD.Get_rank() == 1:
        time.sleep(1000)
    return count(simulation)


Simulation.broken_cells = hanging  # type: ignore[method-assign]
cli.entry()
