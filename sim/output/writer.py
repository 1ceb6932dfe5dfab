"""How the ranks of a team write one file: the one place that chooses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sim.errors import SimError
from sim.output import rows
from sim.output.place import Blocks, FilePlace
from sim.team import MpiTeam, Team

WriterName = Literal["auto", "plain", "mpi-io", "hdf5"]


@dataclass(frozen=True)
class Writer:
    """write(place, blocks) puts this rank's blocks into a file; all ways leave the same bytes.

    Collective unless it is `plain`.  `in_background`: whether a second thread may do so while the first computes.
    """

    name: str
    write: Callable[[FilePlace, Blocks], None]
    in_background: bool


PLAIN = Writer("plain", rows.write_blocks, in_background=True)


def choose_writer(wish: WriterName, team: Team) -> Writer:
    """The writer wished for, or the one that suits: MPI-IO where ranks sit on several machines.  Collective.

    On one machine plain writes meet in its page cache; over a network MPI-IO gathers small pieces into large ones.
    Raises SimError, on all ranks alike, where what is wished for isn't here.
    """
    if not isinstance(team, MpiTeam):
        if wish in ("mpi-io", "hdf5"):
            raise SimError(f'parallel.writer = "{wish}" needs ranks of MPI; leave it out')
        return PLAIN
    from sim.output import mpio, parallel_hdf5

    if wish == "hdf5":
        if not parallel_hdf5.is_there():
            raise SimError('parallel.writer = "hdf5" needs an h5py built with a parallel HDF5; leave it out')
        return Writer("hdf5", lambda place, blocks: parallel_hdf5.write_blocks(place, blocks, team.disk_comm), False)
    if wish == "plain" or (wish == "auto" and mpio.on_one_machine(team.comm)):
        return PLAIN
    threads = mpio.may_be_called_from_any_thread()
    return Writer("mpi-io", lambda place, blocks: mpio.write_blocks(place, blocks, team.disk_comm), threads)
