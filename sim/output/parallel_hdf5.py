"""Blocks into a file by an h5py that is built with a parallel HDF5."""

from __future__ import annotations

from typing import Any

import h5py

from sim.output.place import Blocks, FilePlace, as_written


def is_there() -> bool:
    return bool(h5py.get_config().mpi)


def write_blocks(place: FilePlace, blocks: Blocks, comm: Any) -> None:
    """Write each rank's blocks, as many on each, through HDF5's own MPI-IO driver.  Collective.  Raises OSError."""
    transfer = h5py.h5p.create(h5py.h5p.DATASET_XFER)
    transfer.set_dxpl_mpio(h5py.h5fd.MPIO_COLLECTIVE)
    with h5py.File(place.path, "r+", driver="mpio", comm=comm) as file:
        dataset = file[place.name].id
        for box, block in blocks:
            values, where = as_written(block, place.dtype), dataset.get_space()
            memory = h5py.h5s.create_simple(values.shape)
            if values.size:
                corner, count = [cells.start for cells in box], list(values.shape)
                corner.insert(place.time_axis, 0)
                count.insert(place.time_axis, 1)
                where.select_hyperslab(tuple(corner), tuple(count))
            else:
                where.select_none()
                memory.select_none()
            dataset.write(memory, where, values, dxpl=transfer)
