"""One time, one HDF5 file, written by all ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import h5py
import numpy as np

from sim.case import Case
from sim.errors import SimError
from sim.output import mpio, rows
from sim.output.durable import check_room, publish, temporary
from sim.output.layout import describe_field, size_of_metadata, write_coordinates
from sim.team import MpiTeam, Team, agreement, on_root
from sim.topology import Box

T = TypeVar("T")

Blocks = Iterable[tuple[Box, np.ndarray]]


def write_snapshot(path: Path, case: Case, time: float, name: str, blocks: Blocks, team: Team) -> None:
    """Write the field `name` as (1, [z,] y, x) at `path`, each rank its own blocks.  Collective.

    Rank 0 makes a plain file with the space allocated but not written; the blocks then go straight to their
    place in it, through MPI-IO where there is MPI, else by plain writes: the same bytes.  The file has its
    final name only when it is whole and on disk.  Raises SimError on every rank where any rank can't write.
    """
    part = temporary(path)
    try:
        offset = on_root(team, lambda: _writing(path, lambda: _create(part, case, time, name)))
        with agreement(team):
            _writing(path, lambda: _fill(part, case, offset, blocks, team))
        on_root(team, lambda: _writing(path, lambda: publish(path)))
    except SimError:
        if team.rank == 0:
            part.unlink(missing_ok=True)
        raise


def _writing(path: Path, action: Callable[[], T]) -> T:
    try:
        return action()
    except OSError as error:
        reason = error.strerror or str(error)
        raise SimError(f"the snapshot {path} can't be written: {reason}; free space, or use --output") from None


def _create(part: Path, case: Case, time: float, name: str) -> int:
    """Make the file; return where in it the field's first byte is."""
    grid, dtype = case.to_grid(), np.dtype(case.numerics.dtype)
    check_room(part.parent, size_of_metadata(case, 1) + grid.cells * dtype.itemsize)
    shape = (1, *grid.shape)
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_layout(h5py.h5d.CONTIGUOUS)
    creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    # The same run, the same bytes, whenever it was.
    creation.set_obj_track_times(False)
    with h5py.File(part, "w") as file:
        write_coordinates(file, case, [time])
        kind = h5py.h5t.py_create(dtype.newbyteorder("<"))
        identifier = h5py.h5d.create(file.id, name.encode(), kind, h5py.h5s.create_simple(shape), creation)
        describe_field(h5py.Dataset(identifier), case)
        offset: int = identifier.get_offset()
        return offset


def _fill(part: Path, case: Case, offset: int, blocks: Blocks, team: Team) -> None:
    shape, dtype = case.to_grid().shape, np.dtype(case.numerics.dtype)
    if isinstance(team, MpiTeam):
        mpio.write_blocks(part, offset, shape, dtype, blocks, team.comm)
    else:
        rows.write_blocks(part, offset, shape, dtype, blocks)
