"""Who is examined together: the ranks of the launcher, where they find each other."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from sim.doctor.patient import Facts
from sim.errors import SimError
from sim.launcher import Launch, launched
from sim.membership import assemble
from sim.team import Solo, Team

_PATIENCE = 600.0
_EXIT_STUCK = 3
_STDERR = 2


@dataclass(frozen=True)
class Company:
    """The processes that were started together, as `launch` says, and those that found each other.

    complaint: why these are not the same, "fact; remedy"; each process is then alone, or with those that
    jax.distributed connects.
    """

    launch: Launch | None
    team: Team
    complaint: str = ""

    @property
    def speaks(self) -> bool:
        """Whether this process is the one that tells what was found."""
        return self.team.rank == 0 and (self.launch is None or self.launch.rank == 0)

    @property
    def has_lost_me(self) -> bool:
        """Whether another process, which this one can't reach, does the talking."""
        return self.team.size == 1 and not self.speaks


@contextmanager
def gathered(mine: Facts) -> Iterator[Company]:
    """The company of this process, disbanded at the end; ended where it waits for others in vain."""
    launch = launched()
    if launch is None or launch.size == 1:
        yield Company(launch, Solo())
        return
    with _patience(launch):
        company = _meet(launch, mine)
        yield company
        company.team.disband()


def _meet(launch: Launch, mine: Facts) -> Company:
    if "why" in mine["mpi"]:
        why, _, remedy = mine["mpi"]["why"].partition("; ")
        complaint = f"{launch.launcher} started {launch.size} processes, which can't meet by MPI: {why}; {remedy}"
    else:
        try:
            return Company(launch, assemble(None, "mpi"))
        except SimError as error:
            complaint = str(error)
    if launch.launcher == "srun":
        complaint = (
            complaint.partition("; ")[0]
            + "; srun --mpi=pmi2 (srun --mpi=list shows what there is), mpirun inside the job, or --transport xla"
        )
        with suppress(SimError):
            return Company(launch, assemble(None, "xla"), complaint)
    return Company(launch, Solo(), complaint)


@contextmanager
def _patience(launch: Launch) -> Iterator[None]:
    """Ends this process, and with it the others, where MPI's start or another rank never comes."""

    def give_up() -> None:
        print(
            f"sim: error: rank {launch.rank} of {launch.size} has waited {_PATIENCE:g} s for MPI to start or for "
            f"another rank; run `python -m sim doctor` alone on each node",
            file=sys.stderr,
            flush=True,
        )
        os._exit(_EXIT_STUCK)

    timer = threading.Timer(_PATIENCE, give_up)
    timer.daemon = True
    timer.start()
    # A call that keeps Python's lock silences the timer, but not this.
    faulthandler.dump_traceback_later(_PATIENCE + 10, exit=True, file=_STDERR)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        timer.cancel()
