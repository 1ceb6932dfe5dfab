"""Each file seen twice, by netCDF's readers and by VTK's: the same bytes, in 1-D, 2-D and 3-D, of one field or two."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

import sim
from sim import casefile
from sim.output.merge import merge
from sim.output.series import write_series
from sim.output.snapshot import Snapshot
from sim.output.stream import WrittenFiles, parts_of, streams_of
from sim.output.writer import PLAIN
from sim.team import Solo
from tests.sim.output.vtk_images import by_vtk, cells_of

SHAPES = [(9,), (5, 8), (3, 5, 4)]
TIMES = [0.0, 0.01, 0.02, 0.025]


@pytest.fixture(scope="module", params=[(s, d) for s in SHAPES for d in ("float32", "float64")], ids=str)
def finished(
    request: pytest.FixtureRequest, small: Callable[..., dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    shape, dtype = request.param
    table = small(shape, numerics__dtype=dtype, time__end=0.025)
    return table, sim.run(table, output=tmp_path_factory.mktemp("runs") / "run")


def test_vtk_reads_a_snapshot(finished: Any, fields: Callable[[Path], list[np.ndarray]]) -> None:
    """The values, where they are, and how they are stored."""
    table, result = finished
    for path, expected in zip(result.snapshots, fields(result.directory), strict=True):
        times, image = by_vtk(path)
        found = cells_of(image)
        assert times is None and found.dtype == expected.dtype
        np.testing.assert_array_equal(found.reshape(expected.shape), expected)
        axes = [table["grid"].get(name, {"cells": 0, "upper": 0.0}) for name in "xyz"]
        assert image.GetExtent() == tuple(n for axis in axes for n in (0, axis["cells"]))
        bounds = [n for axis in axes for n in (0.0, axis["upper"])]
        np.testing.assert_allclose(image.GetBounds(), bounds, rtol=1e-14)


def test_vtk_reads_the_series_and_the_merged_file(finished: Any, fields: Callable[[Path], list[np.ndarray]]) -> None:
    _, result = finished
    snapshots = fields(result.directory)
    merged = [
        merge(result.directory, result.directory / f"{name}.h5", None, name == "packed") for name in ("m", "packed")
    ]
    for path in (result.series, *merged):
        for time, expected in zip(TIMES, snapshots, strict=True):
            times, image = by_vtk(path, time)
            assert times == TIMES
            np.testing.assert_array_equal(cells_of(image).reshape(expected.shape), expected)


def test_a_merged_file_needs_no_other(
    finished: Any, tmp_path: Path, fields: Callable[[Path], list[np.ndarray]]
) -> None:
    table, result = finished
    path = merge(result.directory, tmp_path / "alone.h5", None, compress=False)
    with h5py.File(path) as file, h5py.File(result.series) as series:
        assert not file["u"].is_virtual and file["u"].id == file["VTKHDF/CellData/u"].id
        assert set(file) == {"u", "time", "step", "VTKHDF", *table["grid"]}
        np.testing.assert_array_equal(file["u"][:], np.stack(fields(result.directory)))
        np.testing.assert_array_equal(file["step"][:], series["step"][:])
        assert dict(file.attrs) == dict(series.attrs)
    with xr.open_dataset(path, engine="h5netcdf") as data, xr.open_dataset(result.series, engine="h5netcdf") as series:
        assert data["u"].identical(series["u"])


def test_paraview_is_told_the_times(finished: Any) -> None:
    _, result = finished
    told = json.loads((result.directory / "snapshots.vtkhdf.series").read_text())
    assert told["file-series-version"] == "1.0"
    assert [entry["time"] for entry in told["files"]] == TIMES
    assert [result.directory / entry["name"] for entry in told["files"]] == list(result.snapshots)


def test_the_snapshot_holds_its_bytes_once(finished: Any) -> None:
    _, result = finished
    with h5py.File(result.snapshots[0]) as file:
        view = file["VTKHDF/CellData/u"]
        assert [(source.file_name, source.dset_name) for source in view.virtual_sources()] == [(".", "/u")]
        assert view.id.get_storage_size() == 0


def test_netcdf_knows_the_groups_too(finished: Any) -> None:
    _, result = finished
    for path in (result.snapshots[0], result.series):
        with xr.open_datatree(path, engine="h5netcdf", phony_dims="access") as tree:
            assert "/VTKHDF/CellData" in tree.groups


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_several_fields_share_a_file(
    small: Callable[..., dict[str, Any]], tmp_path: Path, shape: tuple[int, ...]
) -> None:
    """As of an equation of two: each in its own precision and with its own unit."""
    own = {"v": {"dtype": "float32", "units": "mol", "long_name": "activator"}}
    case = casefile.load(small(shape, output__fields=own, output__units="K"))
    stream = streams_of(case, ["u", "v"])["snapshots"]
    values = {name: np.random.default_rng(7).random(shape) + n for n, name in enumerate("uv")}
    everywhere = tuple(slice(0, n) for n in shape)
    for number in (0, 1):
        (tmp_path / "snapshots").mkdir(exist_ok=True)
        snapshot = Snapshot(tmp_path / stream.file(number), case, stream, 0.01 * number, Solo(), {})
        snapshot.complete(parts_of(stream, {name: [(everywhere, u)] for name, u in values.items()}, False), PLAIN)
    write_series(tmp_path, case, stream, WrittenFiles([0.0, 0.01], [0, 1]), {"history": "none"})
    for path, count in ((tmp_path / stream.file(1), 1), (tmp_path / "results.h5", 2)):
        with xr.open_dataset(path, engine="h5netcdf") as data:
            assert data["u"].attrs["units"] == "K" and data["u"].attrs["long_name"] == "u"
            assert data["v"].attrs["units"] == "mol" and data["v"].attrs["long_name"] == "activator"
            assert data["u"].dtype == "f8" and data["v"].dtype == "f4"
            assert data["u"].shape == data["v"].shape == (count, *shape)
            np.testing.assert_array_equal(data["v"][-1], values["v"].astype("f4"))
        _, image = by_vtk(path, 0.01 if count > 1 else None)
        for name, u in values.items():
            np.testing.assert_allclose(cells_of(image, name).reshape(shape), u, rtol=1e-7)
