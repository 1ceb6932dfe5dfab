"""The netCDF-4/CF view: fields with named, scaled dimensions at the root of an HDF5 file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import h5py
import numpy as np

from sim.case import Case
from sim.output.stream import FileVariable, Stream
from sim.topology import axis_names

CONVENTIONS = "CF-1.11"
MEMBER = "member"
# An HDF5 attribute holds less than 64 KiB.
_LONGEST_TEXT = 60_000


def dimensions(ndim: int, members: int | None) -> tuple[str, ...]:
    return (*([] if members is None else [MEMBER]), "time", *axis_names(ndim))


def write_coordinates(file: h5py.File, case: Case, stream: Stream, times: Sequence[float]) -> None:
    """`time` and the centres of the cells kept as dimension scales, with their units."""
    file.attrs["Conventions"] = CONVENTIONS
    file.attrs["title"] = case.title or case.name
    scales = {"time": (np.asarray(times, np.float64), case.output.time_units, "time", "T")}
    grid = case.to_grid()
    for axis, name in enumerate(axis_names(case.ndim)):
        cells = stream.slab.cells[axis]
        centres = grid.centres(axis, cells.start, cells.stop)[:: cells.step]
        scales[name] = (centres, case.output.length_units, f"{name} of cell centres", name.upper())
    for name, (values, units, long_name, cf_axis) in scales.items():
        scale = file.create_dataset(name, data=values)
        scale.make_scale(name)
        scale.attrs.update(units=units, long_name=long_name, axis=cf_axis)


def write_provenance(file: h5py.File, provenance: Mapping[str, str]) -> None:
    """Where it comes from, as attributes of the file; of a text too long for one, its beginning."""
    for key, text in provenance.items():
        # A file's name, and so a command, may hold any bytes.
        raw = text.encode(errors="backslashreplace")
        file.attrs[key] = raw[:_LONGEST_TEXT].decode(errors="ignore") + ("\n…" if len(raw) > _LONGEST_TEXT else "")


def describe_field(dataset: h5py.Dataset, variable: FileVariable, names: Sequence[str]) -> None:
    """Hang a field on its dimension scales and say what it is."""
    dataset.attrs.update(units=variable.units, long_name=variable.long_name)
    for axis, name in enumerate(names):
        dataset.dims[axis].attach_scale(dataset.file[name])


def size_of_metadata(stream: Stream, outputs: int) -> int:
    """Bytes of a file of that many outputs besides its fields, generously."""
    texts = 4 * _LONGEST_TEXT
    texts += (1024 + 4096 * len(stream.variables)) * (stream.members or 0)
    return 65536 + texts + 8 * sum(stream.slab.shape) + 4096 * len(stream.variables) + 512 * outputs
