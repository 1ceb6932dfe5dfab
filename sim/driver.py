"""A run from beginning to end: who runs it, what, where, and then the loop."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sim import casefile, distributed, fingerprint, membership, platform
from sim.case import Case, ParallelTable
from sim.errors import SimError
from sim.looking.monitor import monitoring
from sim.loop import OuterLoop
from sim.output import rundir
from sim.problem import Problem, build
from sim.result import Result
from sim.schedule import Segment, segments, step_limit
from sim.simulation import Simulation
from sim.stepping import step_of
from sim.team import MpiTeam, Team, agreement, on_root
from sim.transport import Name, Transport, Wish, choose_transport, resolve
from sim.tuning import Tuning, tune


def run(
    case: str | Path | Mapping[str, Any] | Case = casefile.DEFAULT,
    *,
    comm: Any = None,
    output: str | Path | None = None,
    overwrite: bool = False,
    overrides: Sequence[str] = (),
    rendezvous: distributed.Rendezvous | None = None,
    monitor: bool = False,
    quiet: bool = True,
) -> Result:
    """Run a case and return what came of it; what the command line calls.

    case: a built-in name, a TOML file, a table of the same keys, or a Case.  comm: an mpi4py communicator
    whose ranks all call this together (by default COMM_WORLD where a launcher started several processes).
    output: a directory, by default a new one under ./runs.  overrides: "time.end=2.0" and the like.
    rendezvous: where the processes of a run without MPI meet.  monitor: keep monitor.png and monitor.jsonl up to date.

    Raises SimError, on every rank alike, for whatever is the user's to mend; nothing half-written is left.
    """
    begin = time.perf_counter()
    parallel = _foreseen(case, overrides)
    with membership.assembled(comm, parallel.transport, rendezvous, parallel.devices) as team:
        with agreement(team):
            loaded = casefile.load(case, overrides)
            problem = build(loaded)
        fingerprint.compare(team, fingerprint.of_case(loaded))
        transport, tuning = _connect(team, problem)
        # The field's values are checked before a directory is made, the directory before anything compiles.
        simulation = Simulation(problem.in_slabs(tuning.slab), transport)
        speed = simulation.speed()
        with agreement(team):
            step = step_of(loaded.time, problem.equation, speed)
            plan = tuple(_plan(loaded, step.stable_step(speed.decay, speed.wave)))
        simulation.settle(step)
        wanted = Path(output) if output else None
        path = on_root(team, lambda: str(rundir.create(loaded.name, wanted, overwrite)))
        directory = rundir.RunDirectory(Path(path))
        with monitoring(directory, monitor and team.rank == 0) as eye:
            return OuterLoop(simulation, tuning, directory, plan, quiet, begin, eye).run()


def _foreseen(case: str | Path | Mapping[str, Any] | Case, overrides: Sequence[str]) -> ParallelTable:
    """What the case says of where to run; one that can't be read is left for all ranks to complain of together."""
    try:
        return casefile.load(case, overrides).parallel
    except SimError:
        return ParallelTable()


def _plan(case: Case, stable: float) -> Iterator[Segment]:
    return segments(case.time.end, case.output.every, step_limit(case.time, stable))


def _connect(team: Team, problem: Problem) -> tuple[Transport, Tuning]:
    """The transport that the case wishes for, with ghosts as deep as it says, or as pays here."""
    parallel = problem.case.parallel
    wish = Wish(parallel.transport, parallel.devices, parallel.blocks, problem.case.process_grid(), parallel.halo)
    with agreement(team):
        name = _settle(wish, team)

    def transport_of(depth: int) -> Transport:
        return choose_transport(name, wish, team, problem.grid.shape, problem.ghosts(depth))

    itemsize = np.dtype(problem.case.numerics.dtype).itemsize
    tuning = tune(transport_of, problem.march.step.width, itemsize, parallel.ghost_depth, parallel.slab)
    return transport_of(tuning.steps), tuning


def _settle(wish: Wish, team: Team) -> Name:
    """Configure JAX for the wish before its backend starts; say what "auto" is."""
    one_device = isinstance(team, MpiTeam) and wish.transport in ("auto", "mpi") and wish.devices is None
    platform.configure(wish.devices, one_device=one_device)
    if wish.transport == "xla" and isinstance(team, MpiTeam) and team.size > 1 and not distributed.is_connected():
        distributed.connect(distributed.from_mpi(team), wish.devices)
    platform.check_devices(wish.devices)
    return resolve(wish, team)
