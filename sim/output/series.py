"""results.h5: all snapshots of a run as one field over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from sim.case import Case
from sim.output.durable import check_room, write_durably
from sim.output.layout import describe_field, size_of_metadata, write_coordinates
from sim.output.rundir import SNAPSHOTS


def write_series(path: Path, case: Case, name: str, times: Sequence[float], steps: Sequence[int]) -> None:
    """Write, on one rank, a file whose field `name` is (time, [z,] y, x) over the snapshots beside it.

    A virtual dataset: the bytes stay in the snapshots.  Its sources are numbered by a pattern rather than
    listed, because HDF5 reads a listed source that is missing as fill values, without a word; a pattern's
    dataset ends before the first missing one, so that reading there is an error.  netCDF readers would pad
    such a short field, so each snapshot is also linked at the root: they open every link, and fail at the
    missing one.
    """
    write_durably(path, lambda part: _write(part, case, name, times, steps))


def _write(part: Path, case: Case, name: str, times: Sequence[float], steps: Sequence[int]) -> None:
    check_room(part.parent, size_of_metadata(case, len(times)))
    with h5py.File(part, "w") as file:
        write_coordinates(file, case, times)
        describe_field(_virtual_field(file, case, name), case)
        taken = file.create_dataset("step", data=np.asarray(steps, np.int64))
        taken.attrs.update(units="1", long_name="time steps taken")
        taken.dims[0].attach_scale(file["time"])
        for number in range(len(times)):
            file[f"snapshot_{number}"] = h5py.ExternalLink(f"{SNAPSHOTS}/{number}.h5", "/")


def _virtual_field(file: h5py.File, case: Case, name: str) -> h5py.Dataset:
    grid = case.to_grid()
    one = (1, *grid.shape)
    source = h5py.h5s.create_simple(one)
    source.select_all()
    # Block %b of the endless first axis is the whole of the %b-th snapshot.
    whole = h5py.h5s.create_simple(one, (h5py.h5s.UNLIMITED, *grid.shape))
    corner, single = (0,) * len(one), (1,) * grid.ndim
    whole.select_hyperslab(corner, (h5py.h5s.UNLIMITED, *single), (1, *single), one)
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_virtual(whole, f"{SNAPSHOTS}/%b.h5".encode(), name.encode(), source)
    creation.set_obj_track_times(False)
    kind = h5py.h5t.py_create(np.dtype(case.numerics.dtype).newbyteorder("<"))
    return h5py.Dataset(h5py.h5d.create(file.id, name.encode(), kind, whole, creation))
