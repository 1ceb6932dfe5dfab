"""A run from beginning to end: who runs it, what, where, and then the loop."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sim import casefile, distributed, fingerprint, membership, memory, platform
from sim.acting import forced, forcings_of
from sim.adaptive import Pacing, first_step
from sim.case import Case, ParallelTable
from sim.case.idle import remarks
from sim.checkpoint.restart import Restart, restart
from sim.checkpoint.store import Store
from sim.costs import STEP_BY_STEP, Choice
from sim.errors import SimError
from sim.implicit import check_spectral, march_of, unit_of
from sim.looking.monitor import monitoring
from sim.loop import OuterLoop
from sim.output import rundir
from sim.output.stream import streams_of
from sim.output.writer import choose_writer
from sim.prepared import Prepared
from sim.problem import Problem, build
from sim.programs import keep_programs
from sim.result import Result
from sim.schedule import plan_of
from sim.simulation import Simulation
from sim.stepping import choice_of, step_of
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
    Raises Stopped, a SimError, where a signal or the time limit ended it before its end: `resume` goes on.
    """
    begin = time.perf_counter()
    parallel = _foreseen(lambda: casefile.load(case, overrides))
    wanted = Path(output) if output else None
    with membership.assembled(comm, parallel.transport, rendezvous, parallel.devices) as team:
        with agreement(team):
            loaded = casefile.load(case, overrides)
            rundir.foresee(wanted)
        if team.rank == 0:
            for remark in remarks(loaded):
                print(f"sim: note: {remark}", file=sys.stderr, flush=True)
        # The field's values are checked before a directory is made, the directory before anything compiles.
        prepared = _prepare(team, loaded)
        folders = prepared.folders
        with (
            rundir.held(team, lambda: rundir.create(loaded.name, wanted, overwrite, folders)) as directory,
            monitoring(directory, monitor and team.rank == 0) as eye,
        ):
            return OuterLoop(prepared, directory, quiet, begin, monitor=eye).run()


def resume(
    directory: str | Path,
    *,
    comm: Any = None,
    overrides: Sequence[str] = (),
    rendezvous: distributed.Rendezvous | None = None,
    monitor: bool = False,
    quiet: bool = True,
) -> Result:
    """Go on with the run in `directory` from its newest checkpoint that is whole, to the bytes it would have had.

    On any ranks and devices: where the run ran before is forgotten, its `parallel` table is as `overrides` says.
    They may also change time.end, [checkpoint], the times and the packing of outputs, and add outputs; where the times
    around the checkpoint change, so does the step from there on.  A run that was ended before its first checkpoint
    begins anew, and what it had written is removed.

    Raises SimError, on every rank alike, where the case is not that of the checkpoint, where files to come would not
    hold what those of their series do, where no checkpoint is whole, where the directory is another run's who is at
    it; and all that `run` raises.
    """
    begin = time.perf_counter()
    path = Path(directory)
    parallel = _foreseen(lambda: _case_of_run(path, overrides))
    with membership.assembled(comm, parallel.transport, rendezvous, parallel.devices) as team:
        with agreement(team):
            loaded = _case_of_run(path, overrides)
        with rundir.held(team, lambda: rundir.reopen(path.resolve())) as held:
            found = restart(Store(held.checkpoints, team, loaded.checkpoint.keep), loaded, team)
            prepared = _prepare(team, loaded, found)
            on_root(team, lambda: rundir.make_ready(held, prepared.folders, anew=found is None))
            with monitoring(held, monitor and team.rank == 0) as eye:
                return OuterLoop(prepared, held, quiet, begin, found, eye).run()


def _case_of_run(directory: Path, overrides: Sequence[str]) -> Case:
    """The case that a run left behind, to be run anywhere."""
    path = directory / rundir.CASE
    if not path.is_file():
        raise SimError(f"{directory} holds no run that could go on: there is no {path}; give a run's directory")
    table = casefile.load(path).model_dump(exclude_none=True)
    table["parallel"] = {"watchdog": table["parallel"]["watchdog"]}
    return casefile.load(table, overrides)


def _foreseen(load: Callable[[], Case]) -> ParallelTable:
    """What the case says of where to run; one that can't be read is left for all ranks to complain of together."""
    try:
        return load().parallel
    except SimError:
        return ParallelTable()


def _prepare(team: Team, case: Case, found: Restart | None = None) -> Prepared:
    """The case on its grid and its ranks, at its beginning or where a checkpoint has it.  Collective."""
    with agreement(team):
        problem = build(case)
        mine = fingerprint.of_case(case)
    fingerprint.compare(team, mine)
    transport, tuning = _connect(team, problem)
    simulation = Simulation(problem.in_tiles(tuning.tile), transport, found)
    if case.time.implicit:
        return _prepare_solving(team, simulation, found)
    # The step follows from the fields with which the run began.
    speed = found.standing.speed if found else simulation.speed()
    with agreement(team):
        choice = choice_of(case.time, problem.equation, speed)
    solving = case.integrated_by(choice.name)
    if solving.time.implicit:
        # It wants other blocks; let those go.
        del problem, transport, simulation
        return replace(_prepare(team, solving, found), integrator=choice.called(choice.name))
    with agreement(team):
        chosen = step_of(case.time, problem.equation, speed)
        stable = chosen.step.stable_step(speed.decay, speed.wave)
        todo = plan_of(case, stable, found.standing.position if found else None)
        streams = streams_of(case, simulation.fields)
    simulation.settle(forced(case, chosen.step), _pacing(problem, stable, found) if case.time.adaptive else None)
    writer = choose_writer(case.parallel.writer, team)
    return Prepared(simulation, tuning, streams, writer, todo, speed, chosen.name)


def _prepare_solving(team: Team, simulation: Simulation, found: Restart | None) -> Prepared:
    """The same where steps solve systems of equations."""
    problem, transport = simulation.problem, simulation.transport
    case, topology = problem.case, transport.topology
    with agreement(team):
        check_spectral(case, problem.march.walls, topology.count)
        streams = streams_of(case, simulation.fields)
        todo = plan_of(case, math.inf, found.standing.position if found else None)
    march = march_of(case, problem.equation, problem.march.walls, problem.grid, topology.unit)
    simulation.solve_by(replace(march, forcings=forcings_of(case)))
    speed = found.standing.speed if found else simulation.speed()
    writer = choose_writer(case.parallel.writer, team)
    name = "steady" if case.time.steady else case.time.integrator
    return Prepared(simulation, Tuning(1, (), "rule"), streams, writer, todo, speed, name)


def _pacing(problem: Problem, stable: float, found: Restart | None) -> Pacing:
    """That of the beginning, or of a checkpoint."""
    if found and found.standing.pacing:
        return found.standing.pacing
    return Pacing.begin(first_step(problem.case.time, stable), len(problem.members))


def _connect(team: Team, problem: Problem) -> tuple[Transport, Tuning]:
    """The transport that the case wishes for, with ghosts as deep as it says, or as pays here."""
    parallel, spectral = problem.case.parallel, problem.case.time.integrator == "spectral"
    wish = Wish(
        parallel.transport,
        parallel.devices,
        parallel.blocks,
        problem.case.process_grid(),
        parallel.halo,
        len(problem.members) or None,
        # Products of all members' matrices at once add up in another order than those of one.
        False if spectral else parallel.members_at_once,
        parallel.members,
    )
    with agreement(team):
        name = _settle(wish, team, problem.case.numerics.reproducible)

    def transport_of(choice: Choice) -> Transport:
        ghosts = problem.in_tiles(choice.tile).ghosts(choice.stages)
        return choose_transport(name, wish, team, problem.grid.shape, ghosts)

    plain = transport_of(STEP_BY_STEP).topology
    with agreement(team):
        memory.check_room(problem.case, plain, team.size)
    if problem.case.time.implicit:
        if plain.count > 1:
            wish = replace(wish, process_grid=plain.blocks)
        aligned = choose_transport(name, wish, team, problem.grid.shape, problem.ghosts(1), unit_of(plain))
        return aligned, Tuning(1, (), "rule")
    tuning = tune(transport_of, problem)
    return transport_of(tuning.choice), tuning


def _settle(wish: Wish, team: Team, reproducible: bool) -> Name:
    """Configure JAX for the wish before its backend starts; say what "auto" is."""
    one_device = isinstance(team, MpiTeam) and wish.transport in ("auto", "mpi") and wish.devices is None
    platform.configure(wish.devices, one_device=one_device, reproducible=reproducible)
    if wish.transport == "xla" and isinstance(team, MpiTeam) and team.size > 1 and not distributed.is_connected():
        distributed.connect(distributed.from_mpi(team), wish.devices)
    platform.check_devices(wish.devices)
    if reproducible:
        platform.check_reproducible()
    # Processes that XLA connects compile together, or else wait for one another for ever; and a program that holds
    # the address of a communicator fits no other run.
    keep_programs(not distributed.is_connected() and (not isinstance(team, MpiTeam) or team.has_lasting_handles))
    return resolve(wish, team)
