"""The netCDF-4/CF view: fields with named, scaled dimensions at the root of an HDF5 file."""

from __future__ import annotations

from collections.abc import Sequence

import h5py
import numpy as np

from sim.case import Case
from sim.topology import axis_names

CONVENTIONS = "CF-1.11"


def dimensions(case: Case) -> tuple[str, ...]:
    return ("time", *axis_names(case.ndim))


def write_coordinates(file: h5py.File, case: Case, times: Sequence[float]) -> None:
    """`time` and the cell centres as dimension scales, with their units."""
    file.attrs["Conventions"] = CONVENTIONS
    file.attrs["title"] = case.title or case.name
    scales = {"time": (np.asarray(times, np.float64), case.output.time_units, "time", "T")}
    grid = case.to_grid()
    for axis, name in enumerate(axis_names(case.ndim)):
        scales[name] = (grid.centres(axis), case.output.length_units, f"{name} of cell centres", name.upper())
    for name, (values, units, long_name, cf_axis) in scales.items():
        scale = file.create_dataset(name, data=values)
        scale.make_scale(name)
        scale.attrs.update(units=units, long_name=long_name, axis=cf_axis)


def size_of_metadata(case: Case, outputs: int) -> int:
    """Bytes of a file of that many outputs besides its fields, generously."""
    return 65536 + 8 * sum(case.to_grid().shape) + 512 * outputs


def describe_field(dataset: h5py.Dataset, case: Case) -> None:
    """Hang a field (time, [z,] y, x) on its dimension scales and say what it is."""
    dataset.attrs.update(units=case.output.units, long_name=case.output.long_name)
    for axis, name in enumerate(dimensions(case)):
        dataset.dims[axis].attach_scale(dataset.file[name])
