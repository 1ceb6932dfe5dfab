"""The files of a run, as others read them: h5py and xarray."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

import sim

SHAPES = [(9,), (5, 8), (3, 5, 4)]
CF = {"output__units": "degC", "output__long_name": "temperature", "output__length_units": "m"}


@pytest.fixture(scope="module", params=[(s, d) for s in SHAPES for d in ("float32", "float64")], ids=str)
def finished(
    request: pytest.FixtureRequest, small: Callable[..., dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """A whole run: 4 snapshots at 0, 0.01, 0.02, 0.025."""
    shape, dtype = request.param
    table = small(shape, numerics__dtype=dtype, time__end=0.025, output__time_units="s", title="Täst", **CF)
    return table, sim.run(table, output=tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def run(small: Callable[..., dict[str, Any]], tmp_path: Path) -> Any:
    return sim.run(small((5, 8), time__end=0.03), output=tmp_path / "run")


def coordinates(table: dict[str, Any]) -> dict[str, np.ndarray]:
    return {
        name: (np.arange(axis["cells"]) + 0.5) * axis["upper"] / axis["cells"] for name, axis in table["grid"].items()
    }


def check_layout(file: h5py.File, table: dict[str, Any], times: list[float]) -> None:
    names = ("time", *table["grid"])
    assert str(file.attrs["Conventions"]).startswith("CF-") and file.attrs["title"] == "Täst"
    u = file["u"]
    assert u.shape == (len(times), *(axis["cells"] for axis in table["grid"].values()))
    assert u.dtype == np.dtype(table["numerics"]["dtype"])
    assert u.attrs["units"] == "degC" and u.attrs["long_name"] == "temperature"
    for dimension, name in zip(u.dims, names, strict=True):
        assert file[name].is_scale and [scale.name for scale in dimension.values()] == [f"/{name}"]
        assert file[name].attrs["units"] == ("s" if name == "time" else "m")
    assert file["time"][:].tolist() == times
    for name, values in coordinates(table).items():
        np.testing.assert_allclose(file[name][:], values, rtol=1e-14)


def test_a_snapshot_is_netcdf_with_cf_at_its_root(finished: Any) -> None:
    table, result = finished
    for path, time in zip(result.snapshots, [0.0, 0.01, 0.02, 0.025], strict=True):
        with h5py.File(path) as file:
            check_layout(file, table, [time])
            assert set(file) == {"u", "time", *table["grid"], "VTKHDF"}


def test_the_series_is_netcdf_with_cf_at_its_root(finished: Any) -> None:
    table, result = finished
    with h5py.File(result.series) as file:
        check_layout(file, table, [0.0, 0.01, 0.02, 0.025])
        assert file["step"][-1] == result.steps and file["step"][0] == 0


def test_the_series_holds_the_bytes_of_the_snapshots(finished: Any, fields: Callable[[Path], list[np.ndarray]]) -> None:
    _, result = finished
    with h5py.File(result.series) as file:
        assert file["u"][:].tobytes() == b"".join(field.tobytes() for field in fields(result.directory))


def test_a_field_lies_in_its_file_as_plain_bytes(finished: Any) -> None:
    _, result = finished
    for path in result.snapshots:
        with h5py.File(path) as file:
            u, offset = file["u"], file["u"].id.get_offset()
            assert u.chunks is None and u.compression is None
            values = u[:].astype(u.dtype.newbyteorder("<"))
        assert path.read_bytes()[offset : offset + values.nbytes] == values.tobytes()


def test_xarray_opens_both(finished: Any, fields: Callable[[Path], list[np.ndarray]]) -> None:
    table, result = finished
    expected = np.stack(fields(result.directory))
    for path, part in [(result.series, expected), *zip(result.snapshots, expected[:, None], strict=True)]:
        with xr.open_dataset(path, engine="h5netcdf", decode_times=False) as data:
            assert data["u"].dims == ("time", *table["grid"])
            assert data["u"].attrs["units"] == "degC" and data["time"].attrs["units"] == "s"
            assert data["u"].values.tobytes() == part.tobytes()
            for name, values in coordinates(table).items():
                np.testing.assert_allclose(data[name].values, values, rtol=1e-14)


def test_xarray_opens_the_series_with_its_defaults(finished: Any) -> None:
    _, result = finished
    with xr.open_dataset(result.series, engine="h5netcdf") as data:
        assert set(data["u"].coords) == set(data["u"].dims)
        assert np.isfinite(data["u"].values).all()


@pytest.mark.parametrize("way", ["relative", "moved", "linked", "from elsewhere"])
def test_the_series_finds_its_snapshots(run: Any, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(run.series) as file:
        expected = file["u"][:]
    monkeypatch.chdir(tmp_path)
    path = Path("run/results.h5")
    if way == "moved":
        path = (tmp_path / "run").rename(tmp_path / "kept").resolve() / "results.h5"
    elif way == "linked":
        Path("latest").symlink_to("run")
        path = Path("latest/results.h5")
    elif way == "from elsewhere":
        monkeypatch.chdir("/")
        path = run.series
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["u"][:], expected)


# h5py says the same in many ways; what counts is that nobody gets numbers.
READING_FAILS = (OSError, RuntimeError, IndexError, KeyError, ValueError)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "removed": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "not HDF5": lambda path: path.write_bytes(b"x" * path.stat().st_size),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_missing_snapshot_is_an_error(
    run: Any,
    damage: Callable[[Path], object],
    number: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fill values would look like a result."""
    with h5py.File(run.series) as file:
        expected = file["u"][:]
    damage(run.snapshots[number])
    monkeypatch.chdir("/")
    with pytest.raises(READING_FAILS), xr.open_dataset(run.series, engine="h5netcdf") as data:
        data["u"].load()
    with h5py.File(run.series) as file:
        with pytest.raises(READING_FAILS):
            file["u"][number]
        with pytest.raises(READING_FAILS):
            file["u"][number, 2, 3]
        try:
            whole = file["u"][:]
        except READING_FAILS:
            return
        assert len(whole) <= number
        np.testing.assert_array_equal(whole, expected[: len(whole)])
