"""The whole of a file: both views, its coordinates, its provenance; only how its fields are stored is left open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import h5py

from sim.case import Case
from sim.output.layout import describe_field, dimensions, write_coordinates, write_provenance
from sim.output.members import name_coordinates, write_members
from sim.output.stream import FileVariable, Stream
from sim.output.vtkhdf import write_view

Store: TypeAlias = Callable[[h5py.File, FileVariable, Stream, int], h5py.Dataset]
"""Makes the dataset of a stream's field of so many times, ([member,] time, [z,] y, x), at the root of a file."""


def write_contents(
    file: h5py.File, case: Case, stream: Stream, times: Sequence[float], provenance: Mapping[str, str], store: Store
) -> None:
    write_coordinates(file, case, stream, times)
    write_provenance(file, provenance)
    if case.ensemble is not None:
        write_members(file, case)
    for variable in stream.variables:
        dataset = store(file, variable, stream, len(times))
        describe_field(dataset, variable, dimensions(case.ndim, stream.members))
        if case.ensemble is not None:
            name_coordinates(dataset, case.ensemble)
    write_view(file, case.to_grid(), stream, times)


def contiguous(file: h5py.File, variable: FileVariable, stream: Stream, outputs: int) -> h5py.Dataset:
    """One run of bytes, there at once and not written: its place is known, and it never moves."""
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_layout(h5py.h5d.CONTIGUOUS)
    creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    # The same run, the same bytes, whenever it was.
    creation.set_obj_track_times(False)
    kind, space = h5py.h5t.py_create(variable.dtype), h5py.h5s.create_simple(stream.shape(outputs))
    return h5py.Dataset(h5py.h5d.create(file.id, variable.name.encode(), kind, space, creation))
