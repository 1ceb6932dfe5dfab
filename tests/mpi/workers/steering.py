"""A case that this program steers, on all ranks of COMM_WORLD and on each alone; and what ranks disagree on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mpi4py import MPI

import sim
from tests.steering import steered

world = MPI.COMM_WORLD
case = json.loads(Path(sys.argv[1]).read_text())
found = {"together": steered(case, world), "alone": steered({**case, "parallel": {}}, MPI.COMM_SELF)}
said = []
with sim.start(case, comm=world) as running:
    for wrong in (
        lambda: running.advance(to=0.01 * (1 + world.Get_rank())),
        lambda: running.put("u", lambda _: float("nan") if world.Get_rank() else 1.0),
        lambda: running.put("alpha", 0.1 * (1 + world.Get_rank())),
        lambda: running.put(("u", "source")[world.Get_rank() % 2], 0.1),
        lambda: running.whole("u"),
    ):
        try:
            wrong()
        except sim.SimError as error:
            said.append(str(error))
    running.advance(to=0.02)
everywhere = world.allgather((found, said))
assert all(one == everywhere[0] for one in everywhere)
if world.Get_rank() == 0:
    print(json.dumps({**found, "said": said}))
