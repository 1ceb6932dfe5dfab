"""results.h5: all snapshots of a run as one field over time."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from sim.case import Case
from sim.output.contents import write_contents
from sim.output.durable import check_room, write_durably
from sim.output.layout import size_of_metadata
from sim.output.stream import FileVariable, Stream, WrittenFiles
from sim.output.vtkhdf import write_file_series

OPEN_FILES = threading.Lock()
"""Who writes a series, or reads its files in another thread, holds it.

HDF5 opens the files of a virtual dataset by itself, to write where the dataset's own file is to be written; and it
can't where somebody in this process reads them.
"""


def write_series(
    directory: Path, case: Case, stream: Stream, written: WrittenFiles, provenance: Mapping[str, str]
) -> None:
    """Write, on one rank, a file whose fields are ([member,] time, [z,] y, x) over the files beside it.

    Virtual datasets: the bytes stay in those files.  Their sources are numbered by a pattern rather than
    listed, because HDF5 reads a listed source that is missing as fill values, without a word; a pattern's
    dataset ends before the first missing one, so that reading there is an error.  netCDF readers would pad
    such a short field, so each file is also linked at the root: they open every link, and fail at the
    missing one.  Beside it the same times as ParaView's list of the files.
    """
    path = directory / stream.series
    with OPEN_FILES:
        write_durably(path, lambda part: _write(part, case, stream, written, provenance))
    files = [directory / stream.file(number) for number in range(len(written.times))]
    write_file_series(directory / stream.file_series, files, written.times)


def _write(part: Path, case: Case, stream: Stream, written: WrittenFiles, provenance: Mapping[str, str]) -> None:
    check_room(part.parent, size_of_metadata(stream, len(written.times)))
    # No one else knows this file, but what its virtual datasets open is locked as it is: for writing, which fails
    # where another process reads a snapshot, and keeps it from reading one.
    with h5py.File(part, "w", locking=False) as file:
        write_contents(file, case, stream, written.times, provenance, _virtual_field)
        write_steps(file, written)
        for number in range(len(written.times)):
            file[f"snapshot_{number}"] = h5py.ExternalLink(f"{stream.folder.name}/{number}.h5", "/")


def write_steps(file: h5py.File, written: WrittenFiles) -> None:
    taken = file.create_dataset("step", data=np.asarray(written.steps, np.int64))
    taken.attrs.update(units="1", long_name="time steps taken")
    taken.dims[0].attach_scale(file["time"])


def _virtual_field(file: h5py.File, variable: FileVariable, stream: Stream, outputs: int) -> h5py.Dataset:
    """However many there are, as many as there are files."""
    one, lead = stream.shape(1), len(stream.lead)
    source = h5py.h5s.create_simple(one)
    source.select_all()
    # Block %b of the endless axis, the time, is the whole of the %b-th file.
    endless = tuple(h5py.h5s.UNLIMITED if axis == lead else n for axis, n in enumerate(one))
    count = tuple(h5py.h5s.UNLIMITED if axis == lead else 1 for axis in range(len(one)))
    whole = h5py.h5s.create_simple(one, endless)
    whole.select_hyperslab((0,) * len(one), count, one, one)
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_virtual(whole, f"{stream.folder.name}/%b.h5".encode(), variable.name.encode(), source)
    creation.set_obj_track_times(False)
    kind = h5py.h5t.py_create(variable.dtype)
    return h5py.Dataset(h5py.h5d.create(file.id, variable.name.encode(), kind, whole, creation))
