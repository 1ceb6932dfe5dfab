"""`sim.run` from a program, in the middle of which the ranks that are named raise; and then a run as it should be."""

from __future__ import annotations

import json
import sys
from typing import Any

from mpi4py import MPI

import sim
from sim.simulation import Simulation

world = MPI.COMM_WORLD
rank, names = world.Get_rank(), sys.argv[1].split(",")
overrides = ["grid.x.cells=31", "grid.y.cells=19", "time.end=0.004"]
compile_loop: Any = Simulation.compile


def broken(simulation: Simulation) -> None:
    if str(rank) in names:
        raise ZeroDivisionError(f"by rank {rank}")
    compile_loop(simulation)


Simulation.compile = broken  # type: ignore[method-assign]
try:
    sim.run("heat2d", comm=world, output="out", overrides=overrides)
    raised = "nothing"
except ZeroDivisionError as error:
    raised = str(error)
Simulation.compile = compile_loop  # type: ignore[method-assign]
result = sim.run("heat2d", comm=world, output="out", overwrite=True, overrides=overrides)
found = world.allgather((raised, result.steps))
if rank == 0:
    print(json.dumps(found))
