"""The processes of a run, as the host code sees them: who am I, and do we all agree?"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from sim.errors import SimError


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

    def disband(self) -> None:
        pass


class MpiTeam:
    """The ranks of an MPI communicator, on duplicates of it: `comm` for the host, `halo_comm` for programs,
    `disk_comm` for files, which a second thread may write.

    Their messages, and the caller's own, never meet.
    """

    def __init__(self, comm: Any) -> None:
        self.comm = comm.Dup()
        self.halo_comm = comm.Dup()
        self.disk_comm = comm.Dup()
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

    def disband(self) -> None:
        self.comm.Free()
        self.halo_comm.Free()
        self.disk_comm.Free()


@contextmanager
def agreement(team: Team) -> Iterator[None]:
    """Let all ranks fail together: a SimError raised inside on any rank is raised on every rank afterwards.

    The body must not be collective, since a rank that fails leaves it early.  Any other exception is a bug
    and passes through; the outermost caller then ends the whole run.
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
