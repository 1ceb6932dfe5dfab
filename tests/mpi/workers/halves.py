"""Two different runs side by side on the halves of COMM_WORLD, and then each alone on one rank."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import h5py
from mpi4py import MPI

import sim

world = MPI.COMM_WORLD
rank, mine = world.Get_rank(), world.Get_rank() % 2


def digest(number: int, comm: Any, output: str) -> str:
    overrides = [f"grid.x.cells={31 + number}", f"grid.y.cells={19 + number}", f"time.end={0.004 + 0.001 * number}"]
    result = sim.run("heat2d", comm=comm, output=output, overrides=overrides)
    assert result.ranks == comm.Get_size()
    comm.Barrier()
    with h5py.File(result.series) as file:
        return hashlib.sha256(file["u"][-1].tobytes()).hexdigest()


half = world.Split(color=mine, key=rank)
together = world.allgather(digest(mine, half, f"half{mine}"))
alone = world.allgather(digest(mine, MPI.COMM_SELF, f"alone{rank}"))
assert together[:2] == together[2:] and alone[:2] == alone[2:]
if rank == 0:
    print(json.dumps({"together": together[:2], "alone": alone[:2]}))
