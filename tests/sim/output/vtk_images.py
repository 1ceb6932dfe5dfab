"""Files as VTK's readers see them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

vtk_io = pytest.importorskip("vtkmodules.vtkIOHDF")


def by_vtk(path: Path, time: float | None = None) -> tuple[list[float] | None, Any]:
    """The times that VTK sees in a file, and the image that it reads at one of them."""
    from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline as Keys

    reader = vtk_io.vtkHDFReader()
    assert reader.CanReadFile(str(path))
    reader.SetFileName(str(path))
    reader.UpdateInformation()
    about = reader.GetOutputInformation(0)
    times = None
    if about.Has(Keys.TIME_STEPS()):
        times = [about.Get(Keys.TIME_STEPS(), i) for i in range(about.Length(Keys.TIME_STEPS()))]
    if time is not None:
        about.Set(Keys.UPDATE_TIME_STEP(), time)
    reader.Update()
    return times, reader.GetOutputDataObject(0)


def cells_of(image: Any, name: str = "u") -> np.ndarray:
    """A field of an image as an array (z, y, x)."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    shape = [max(n - 1, 1) for n in reversed(image.GetDimensions())]
    return vtk_to_numpy(image.GetCellData().GetArray(name)).reshape(shape)
