"""Which processes run together: the one place that decides whether MPI is used."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sim import spoken
from sim.errors import SimError
from sim.launcher import Launch, check_launcher, check_library, launched
from sim.team import MpiTeam, Solo, Team

EXIT_BUG = 1
EXIT_INTERRUPTED = 130

# To meet the same exception: ranks compile at speeds of their own.
_SECONDS_FOR_OTHERS = 10.0


def assemble(comm: Any = None, transport: str = "auto", rendezvous: Any = None, devices: int | None = None) -> Team:
    """The team of this process: the caller's communicator, else those it is told to meet, else the launcher's world.

    MPI is imported only where a communicator was given, a launcher started several processes, or the transport
    is MPI's; never where jax.distributed connects the processes by hand or by srun's variables.
    Raises SimError where MPI is needed and missing, or where the launcher is another MPI's.
    """
    if comm is not None:
        return MpiTeam(_checked(comm))
    launch = launched()
    if rendezvous is not None or _srun_without_mpi(launch, transport):
        return _jax_team(rendezvous, devices)
    if transport not in ("mpi", "hybrid") and (launch is None or launch.size == 1):
        return Solo()
    return MpiTeam(_world(launch))


@contextmanager
def assembled(*arguments: Any) -> Iterator[Team]:
    """The team of `assemble`, disbanded at the end.

    What else than a SimError happens to all of its processes within a moment, each raises.  What happens to some
    alone ends all: the others wait for them, in MPI or in XLA, where no exception can reach them.
    """
    team = assemble(*arguments)
    try:
        yield team
    except SimError:
        team.disband()
        raise
    except BaseException as error:
        end_unless_all_fail(team, error)
        team.disband()
        raise
    team.disband()


def end_unless_all_fail(team: Team, error: BaseException) -> None:
    """End all processes of the run, but where all of them meet an error within a moment: then each may raise its own.
    Once a team."""
    if team.all_fail(_SECONDS_FOR_OTHERS):
        return
    interrupted = isinstance(error, KeyboardInterrupt)
    # What an interrupt came to is of no interest.
    if not interrupted:
        traceback.print_exception(error)
    what = "was interrupted" if interrupted else "can't go on"
    print(f"sim: error: rank {team.rank} {what}, and the others wait for it: all are ended", file=sys.stderr)
    sys.stderr.flush()
    abort(EXIT_INTERRUPTED if interrupted else EXIT_BUG)


def abort(code: int) -> None:
    """End all processes of the run at once; return where this is the only one.

    Without MPI the others learn of it as their connections to this one break.
    """
    spoken.flush()
    if _has("mpi4py.MPI", "Is_finalized"):
        from mpi4py import MPI

        if MPI.Is_initialized() and not MPI.Is_finalized() and MPI.COMM_WORLD.Get_size() > 1:
            MPI.COMM_WORLD.Abort(code)
    if _has("sim.distributed", "is_connected") and sys.modules["sim.distributed"].is_connected():
        # Not sys.exit: JAX would then wait for the others to leave with it.
        os._exit(code)


def _has(module: str, function: str) -> bool:
    """Whether a module is loaded, and so far; another thread may be at it, or in MPI_Init."""
    return hasattr(sys.modules.get(module), function)


def _checked(comm: Any) -> Any:
    """Raise SimError where it is no communicator whose ranks can exchange blocks.  Whoever has one has MPI loaded."""
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is None or not isinstance(comm, mpi.Comm):
        raise SimError(f"comm is a communicator of mpi4py, such as MPI.COMM_WORLD; got {comm!r:.80}")
    if not comm:
        raise SimError("comm is MPI.COMM_NULL: this process is not in it, and only those that are take part in a run")
    if not isinstance(comm, mpi.Intracomm):
        raise SimError("comm is between two groups of ranks; give a communicator of one, such as comm.Merge() makes")
    return comm


def _srun_without_mpi(launch: Launch | None, transport: str) -> bool:
    return launch is not None and launch.launcher == "srun" and launch.size > 1 and transport == "xla"


def _jax_team(rendezvous: Any, devices: int | None) -> Team:
    from sim import distributed, platform

    found = rendezvous or distributed.from_slurm()
    if not isinstance(found, distributed.Rendezvous):
        raise SimError(
            f"rendezvous is a sim.distributed.Rendezvous(coordinator, processes, process); got {found!r:.80}"
        )
    platform.configure(devices)
    return distributed.JaxTeam(found, devices, abort)


def _world(launch: Launch | None) -> Any:
    try:
        mpi = _unstarted()
    except (ImportError, RuntimeError) as error:
        raise SimError(
            f"several ranks need mpi4py and mpi4jax, and importing mpi4py says: {error}; "
            f"install them with: pip install '.[mpi]', run one process, or connect the processes by hand "
            f"(--transport xla --coordinator host:port --processes N --process I)"
        ) from None
    if not mpi.Is_initialized():
        check_library(launch, mpi)
        with warnings.catch_warnings():
            # What mpi4py suspects from variables, `check_launcher` knows.
            warnings.simplefilter("ignore", RuntimeWarning)
            mpi.Init_thread()
    check_launcher(launch, mpi)
    return mpi.COMM_WORLD


def _unstarted() -> Any:
    """mpi4py's MPI, not started where it is loaded only now; ended with the process all the same."""
    import mpi4py

    mpi4py.rc.initialize, mpi4py.rc.finalize = False, True
    from mpi4py import MPI

    return MPI
