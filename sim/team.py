"""The processes of a run, as the host code sees them: who am I, and do we all agree?"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from sim.errors import SimError

_MOMENT = 0.05  # seconds


class Team(Protocol):
    """The processes that work on one run together.  Every method but the properties is collective."""

    @property
    def rank(self) -> int: ...

    @property
    def size(self) -> int: ...

    def gather(self, value: Any) -> list[Any]:
        """Everybody's (small) value, in rank order, on every rank."""
        ...

    def broadcast(self, value: Any) -> Any:
        """Rank 0's (small) value, on every rank."""
        ...

    def barrier(self) -> None: ...

    def all_fail(self, seconds: float) -> bool:
        """Asked by one that can't go on: whether all others ask too, within so many seconds.  Once a team."""
        ...

    def remember(self, way_on: str) -> None:
        """What is to do where one of us is gone, to be said by whoever is left and misses it."""
        ...

    def disband(self) -> None:
        """The run is over: give back what the team holds."""
        ...


class Solo:
    """A team of one."""

    rank = 0
    size = 1

    def gather(self, value: Any) -> list[Any]:
        return [value]

    def broadcast(self, value: Any) -> Any:
        return value

    def barrier(self) -> None:
        pass

    def all_fail(self, seconds: float) -> bool:
        return True

    def remember(self, way_on: str) -> None:
        pass

    def disband(self) -> None:
        pass


class MpiTeam:
    """The ranks of an MPI communicator, on duplicates of it: `comm` for the host, `halo_comm` for programs,
    `disk_comm` for files, which a second thread may write; and one to fail on, whatever happens on the others.

    Their messages, and the caller's own, never meet.
    """

    def __init__(self, comm: Any) -> None:
        self.comm = comm.Dup()
        self.halo_comm = comm.Dup()
        self.disk_comm = comm.Dup()
        self._failing_comm = comm.Dup()
        self.rank: int = comm.Get_rank()
        self.size: int = comm.Get_size()

    @property
    def has_lasting_handles(self) -> bool:
        """Whether the MPI library knows communicators by numbers, the same in the next run, and not by addresses."""
        from mpi4py import MPI

        return MPI._sizeof(MPI.Comm) < struct.calcsize("P")

    def gather(self, value: Any) -> list[Any]:
        gathered: list[Any] = self.comm.allgather(value)
        return gathered

    def broadcast(self, value: Any) -> Any:
        return self.comm.bcast(value, root=0)

    def barrier(self) -> None:
        self.comm.Barrier()

    def all_fail(self, seconds: float) -> bool:
        if self.size == 1:
            return True
        deadline, all_here = time.monotonic() + seconds, self._failing_comm.Ibarrier()
        while not all_here.Test():
            if time.monotonic() > deadline:
                return False
            time.sleep(_MOMENT)
        return True

    def remember(self, way_on: str) -> None:
        """The launcher ends all, and has words of its own."""

    def disband(self) -> None:
        for comm in (self.comm, self.halo_comm, self.disk_comm, self._failing_comm):
            comm.Free()


@contextmanager
def agreement(team: Team) -> Iterator[None]:
    """Let all ranks fail together: a SimError raised inside on any rank is raised on every rank afterwards.

    The body must not be collective, since a rank that fails leaves it early.  Any other exception is a bug
    and passes through; `membership.assembled` then ends the whole run.
    """
    mine: SimError | None = None
    try:
        yield
    except SimError as error:
        mine = error
    messages = team.gather(None if mine is None else str(mine))
    for rank, message in enumerate(messages):
        if message is not None:
            raise mine if rank == team.rank and mine is not None else SimError(message)


def on_root(team: Team, action: Any) -> Any:
    """The result of action() as done by rank 0 alone, on every rank; its SimError too."""
    result = None
    with agreement(team):
        if team.rank == 0:
            result = action()
    return team.broadcast(result)
