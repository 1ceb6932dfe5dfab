"""Blocks into a file by MPI-IO: a parallel HDF5 write with any h5py."""

from __future__ import annotations

from typing import Any

from sim.output.place import Blocks, FilePlace, as_written
from sim.topology import box_shape


def write_blocks(place: FilePlace, blocks: Blocks, comm: Any) -> None:
    """Write each rank's blocks, as many on each.  Collective.

    The file view makes a block look contiguous to its rank; MPI-IO merges the pieces of all ranks into large
    writes.  Raises OSError where MPI reports that the file can't be written.
    """
    from mpi4py import MPI

    element = MPI.Datatype.fromcode(place.dtype.char)
    try:
        file = MPI.File.Open(comm, str(place.path), MPI.MODE_WRONLY)
        try:
            for box, block in blocks:
                if block.size:
                    view = element.Create_subarray(place.shape, box_shape(box), [cells.start for cells in box])
                else:  # MPI knows no empty box; nothing is written through any view
                    view = element.Create_contiguous(1)
                view.Commit()
                file.Set_view(place.offset, element, view)
                file.Write_all([as_written(block, place.dtype), element])
                view.Free()
            file.Sync()
        finally:
            file.Close()
    except MPI.Exception as error:
        raise OSError(0, f"MPI-IO: {error.Get_error_string()}") from None


def may_be_called_from_any_thread() -> bool:
    from mpi4py import MPI

    return bool(MPI.Query_thread() == MPI.THREAD_MULTIPLE)


def on_one_machine(comm: Any) -> bool:
    """Whether all ranks share memory.  Collective."""
    from mpi4py import MPI

    here = comm.Split_type(MPI.COMM_TYPE_SHARED)
    size = here.Get_size()
    here.Free()
    return bool(comm.allreduce(size == comm.Get_size(), op=MPI.LAND))
