"""Damages a checkpoint in every way known and looks where all ranks go back to; rank 0 prints what it found as JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from mpi4py import MPI

from sim.checkpoint.store import Content, Store
from sim.team import MpiTeam, Team, on_root
from sim.topology import Topology
from tests.sim.checkpoint.damages import DAMAGES
from tests.sim.checkpoint.stored import values

SHAPE = (4, 6)


def write(store: Store, step: int, team: Team) -> Path:
    """Cut as the damages expect it: the first two ranks have a block each, whoever else takes part has none."""
    topology = Topology(SHAPE, (1, 2))
    boxes = [topology.box(team.rank)] if team.rank < topology.count else []
    content = Content(step, step / 8, {"u": SHAPE}, {}, {}, {}, {})
    return store.write(content, {"u": [(box, values(step, SHAPE)[box]) for box in boxes]})


def main() -> None:
    team = MpiTeam(MPI.COMM_WORLD)
    found = {}
    for number, (name, (damage, _)) in enumerate(DAMAGES.items()):
        store = Store(Path(f"checkpoints{number}"), team, keep=2)
        write(store, 1, team)
        folder = write(store, 2, team)
        on_root(team, lambda damage=damage, folder=folder: damage(folder) and None)  # type: ignore[misc]
        newest = store.newest()
        assert newest is not None
        whole = tuple(slice(0, cells) for cells in SHAPE)
        same = bool((newest.read("u", whole) == values(1, SHAPE)).all())
        found[name] = team.gather([newest.manifest.step, same])
        team.barrier()
        on_root(team, lambda store=store: shutil.rmtree(store.folder))  # type: ignore[misc]
    if team.rank == 0:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
