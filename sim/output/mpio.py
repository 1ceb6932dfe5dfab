"""Blocks into a file by MPI-IO: a parallel HDF5 write with any h5py."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from sim.topology import Box, box_shape


def write_blocks(
    path: Path,
    offset: int,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    blocks: Iterable[tuple[Box, np.ndarray]],
    comm: Any,
) -> None:
    """Write each rank's blocks, as many on each, of an array of `shape` that starts at byte `offset`.  Collective.

    The file view makes a block look contiguous to its rank; MPI-IO merges the pieces of all ranks into large
    writes.  Raises OSError where MPI reports that the file can't be written.
    """
    from mpi4py import MPI

    element = MPI.Datatype.fromcode(dtype.char)
    try:
        file = MPI.File.Open(comm, str(path), MPI.MODE_WRONLY)
        try:
            for box, block in blocks:
                view = element.Create_subarray(shape, box_shape(box), [cells.start for cells in box]).Commit()
                file.Set_view(offset, element, view)
                file.Write_all([np.ascontiguousarray(block), element])
                view.Free()
            file.Sync()
        finally:
            file.Close()
    except MPI.Exception as error:
        raise OSError(0, f"MPI-IO: {error.Get_error_string()}") from None
