"""The VTKHDF view: the same bytes as cells of an image, for ParaView ≥ 5.12 and VTK ≥ 9.3.

https://docs.vtk.org/en/latest/vtk_file_formats/vtkhdf_file_format/vtkhdf_specifications.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from sim.output.durable import write_text
from sim.output.layout import MEMBER
from sim.output.stream import FileVariable, Stream
from solvers.grid import Grid

GROUP = "VTKHDF"


def write_view(file: h5py.File, grid: Grid, stream: Stream, times: Sequence[float]) -> None:
    """Describe the fields at the root (time, [z,] y, x) a second time, as cell data of a VTK image.

    VTK takes an image of one time without an axis for it, and one of several with; so a field of several times
    is linked, and one of a single time is seen through a virtual dataset that leaves its first axis out.
    A grid of fewer than three axes is flat in the others.  Of an ensemble each member has an array of its own, u_0,
    u_1, …, seen through a virtual dataset.
    """
    group = file.create_group(GROUP)
    group.attrs["Version"] = np.array([2, 0], np.int64)
    group.attrs.create("Type", b"ImageData", dtype=h5py.string_dtype("ascii", len(b"ImageData")))
    origin, spacing = _geometry(grid, stream)
    missing = 3 - grid.ndim
    # x first, unlike the axes of an array.
    counts = [*reversed(stream.slab.shape), *[0] * missing]
    group.attrs["WholeExtent"] = np.array([[0, n] for n in counts], np.int64).ravel()
    group.attrs["Origin"] = np.array([*reversed(origin), *[0.0] * missing])
    group.attrs["Spacing"] = np.array([*reversed(spacing), *[1.0] * missing])
    group.attrs["Direction"] = np.eye(3).ravel()
    cells = group.create_group("CellData")
    for variable in stream.variables:
        if len(times) > 1 and stream.members is None:
            cells[variable.name] = file[variable.name]
        else:
            _views(cells, variable, stream, len(times))
    if len(times) > 1:
        steps = group.create_group("Steps")
        steps.attrs["NSteps"] = np.int64(len(times))
        # A copy: linked, the dimension scale would belong to two groups, and netCDF readers refuse that.
        steps.create_dataset("Values", data=np.asarray(times, np.float64))


def field_names(file: h5py.File) -> list[str]:
    """Which fields a file holds, told without opening them: those of a series lie in other files."""
    names = list(file[GROUP]["CellData"])
    return list(dict.fromkeys(name.rpartition("_")[0] for name in names)) if MEMBER in file else names


def _geometry(grid: Grid, stream: Stream) -> tuple[list[float], list[float]]:
    """The lower corner and the widths of cells around the ones kept, which touch each other where some are left out."""
    origin, spacing = [], []
    for low, width, cells in zip(grid.lower, grid.spacing, stream.slab.cells, strict=True):
        origin.append(low + (cells.start + 0.5 - 0.5 * cells.step) * width)
        spacing.append(cells.step * width)
    return origin, spacing


def _views(group: h5py.Group, variable: FileVariable, stream: Stream, outputs: int) -> None:
    """A field as VTK wants it: of one member, and of one time without an axis for it."""
    view = h5py.h5s.create_simple((*([outputs] if outputs > 1 else []), *stream.slab.shape))
    for member in range(stream.members or 1):
        source = h5py.h5s.create_simple(stream.shape(outputs))
        name = variable.name
        if stream.members is not None:
            name = f"{name}_{member}"
            here = (outputs, *stream.slab.shape)
            source.select_hyperslab((member, *[0] * len(here)), (1, *here))
        creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        # "." is this file, whatever its name.
        creation.set_virtual(view, b".", f"/{variable.name}".encode(), source)
        creation.set_obj_track_times(False)
        h5py.h5d.create(group.id, name.encode(), h5py.h5t.py_create(variable.dtype), view, creation)


def write_file_series(path: Path, files: Sequence[Path], times: Sequence[float]) -> None:
    """The times of a series of files as ParaView reads them, at `path`: DIRECTORY/NAME.vtkhdf.series."""
    entries = [
        {"name": file.relative_to(path.parent).as_posix(), "time": time}
        for file, time in zip(files, times, strict=True)
    ]
    write_text(path, json.dumps({"file-series-version": "1.0", "files": entries}) + "\n")
