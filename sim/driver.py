"""A run from beginning to end: who runs it, what, where, and then the loop."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from sim import casefile, distributed, membership, overriding, platform
from sim.case import Case
from sim.case.idle import remarks
from sim.checkpoint.restart import Restart, restart
from sim.checkpoint.store import Store
from sim.errors import SimError
from sim.looking.monitor import monitoring
from sim.loop import OuterLoop
from sim.output import rundir
from sim.output.stream import streams_of
from sim.output.writer import choose_writer
from sim.prepared import Prepared
from sim.ready import make_ready
from sim.result import Result
from sim.schedule import plan_of
from sim.signals import StopSignals
from sim.team import Team, agreement, on_root


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
    output: a directory, by default a new one under ./runs.  overrides: a list of "time.end=2.0" and the like.
    rendezvous: where the processes of a run without MPI meet.  monitor: keep monitor.png and monitor.jsonl up to date.

    Raises SimError, on every rank alike, for whatever is the user's to mend; nothing half-written is left.
    Raises Stopped, a SimError, where a signal or the time limit ended it before its end: `resume` goes on.
    """
    begin = time.perf_counter()
    parallel = casefile.foreseen(lambda: casefile.load(case, overrides))
    with (
        StopSignals() as signals,
        platform.arithmetic(),
        membership.assembled(comm, parallel.transport, rendezvous, parallel.devices) as team,
    ):
        with agreement(team):
            loaded = casefile.load(case, overrides)
            wanted = None if output is None else _folder("output", output)
            _check_flags(overwrite=overwrite, monitor=monitor, quiet=quiet)
            rundir.check_writable(wanted)
        if team.rank == 0:
            doubtful = overriding.doubt(loaded.exact, overrides)
            for remark in [*remarks(loaded), *([doubtful] if doubtful else [])]:
                print(f"sim: note: {remark}", file=sys.stderr, flush=True)
        # The field's values are checked before a directory is made, the directory before anything compiles.
        prepared = _prepare(team, loaded)
        folders = prepared.folders
        with (
            rundir.held(team, lambda: rundir.create(loaded.name, wanted, overwrite, folders)) as directory,
            monitoring(directory, monitor and team.rank == 0) as eye,
        ):
            return OuterLoop(prepared, directory, signals, quiet, begin, monitor=eye).run()


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

    On any ranks and devices: where the run ran before and its time limit are forgotten, its `parallel` table and
    checkpoint.time_limit are as `overrides` says.  They may also change time.end, the rest of [checkpoint], the times
    and the packing of outputs, and add outputs; where the times around the checkpoint change, so does the step from
    there on.  A run that was ended before its first checkpoint begins anew, and what it had written is removed.

    Raises SimError, on every rank alike, where the case is not that of the checkpoint, where files to come would not
    hold what those of their series do, where no checkpoint is whole, where the directory is another run's who is at
    it; and all that `run` raises.
    """
    begin = time.perf_counter()
    parallel = casefile.foreseen(lambda: _case_of_run(directory, overrides))
    with (
        StopSignals() as signals,
        platform.arithmetic(),
        membership.assembled(comm, parallel.transport, rendezvous, parallel.devices) as team,
    ):
        with agreement(team):
            loaded = _case_of_run(directory, overrides)
            _check_flags(monitor=monitor, quiet=quiet)
        with rundir.held(team, lambda: rundir.reopen(Path(directory).resolve())) as held:
            found = restart(Store(held.checkpoints, team, loaded.checkpoint.keep), loaded, team)
            prepared = _prepare(team, loaded, found)
            on_root(team, lambda: rundir.make_ready(held, prepared.folders, anew=found is None))
            with monitoring(held, monitor and team.rank == 0) as eye:
                return OuterLoop(prepared, held, signals, quiet, begin, found, eye).run()


def _folder(name: str, given: Any) -> Path:
    # An empty text is a variable that isn't set, and no file system has names with a NUL.
    if not isinstance(given, str | PathLike) or not str(given) or "\0" in str(given):
        raise SimError(f"{name} is the path of a run's directory; got {given!r:.80}")
    return Path(given)


def _check_flags(**flags: Any) -> None:
    """What is not empty would be true: overwrite="no" too."""
    for name, given in flags.items():
        if not isinstance(given, bool):
            raise SimError(f"{name} is True or False; got {given!r:.80}")


def _case_of_run(directory: str | Path, overrides: Sequence[str]) -> Case:
    """The case that a run left behind, to be run anywhere."""
    path = _folder("directory", directory) / rundir.CASE
    if not path.is_file():
        raise SimError(f"{directory} holds no run that could go on: there is no {path}; give a run's directory")
    table = casefile.load(path).model_dump(exclude_none=True)
    table["parallel"] = {"watchdog": table["parallel"]["watchdog"]}
    # What this job has, not what the one before had.
    table["checkpoint"].pop("time_limit", None)
    return casefile.load(table, overrides)


def _prepare(team: Team, case: Case, found: Restart | None = None) -> Prepared:
    """The case on its grid and its ranks, with what is to do and to be written.  Collective."""
    ready = make_ready(team, case, found)
    simulation = ready.simulation
    with agreement(team):
        position = found.standing.position if found else None
        plan = plan_of(simulation.problem.case, ready.stable, position)
        streams = streams_of(simulation.problem.case, simulation.fields)
    writer = choose_writer(case.parallel.writer, team)
    return Prepared(**vars(ready), streams=streams, writer=writer, plan=plan)
