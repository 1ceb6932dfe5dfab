"""The files of a run, as others read them: h5py, xarray, and after a kill or on a full disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

import sim
from sim import casefile
from sim.errors import SimError
from sim.output.durable import write_durably
from sim.output.snapshot import Snapshot
from sim.output.stream import streams_of
from sim.output.writer import PLAIN, choose_writer
from sim.team import MpiTeam, Solo, Team

ROOT = Path(__file__).resolve().parents[2]
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


# ----------------------------------------------------------------------------------------- writes that go wrong


def write(path: Path, case: Any, time: float, blocks: Any, team: Team) -> None:
    """A snapshot of u, whole."""
    writer = PLAIN if isinstance(team, Solo) else choose_writer("mpi-io", team)
    Snapshot(path, case, streams_of(case, ["u"])["snapshots"], time, team, {}).complete({"u": blocks}, writer)


def boxes(case: Any) -> Iterator[Any]:
    rows, columns = case.to_grid().shape
    half = rows // 2
    values = np.arange(rows * columns, dtype=case.numerics.dtype).reshape(rows, columns)
    yield (slice(0, half), slice(0, columns)), values[:half]
    yield (slice(half, rows), slice(0, columns)), values[half:]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocks_go_to_their_places(small: Callable[..., dict[str, Any]], tmp_path: Path, dtype: str) -> None:
    case = casefile.load(small((5, 8), numerics__dtype=dtype))
    write(tmp_path / "7.h5", case, 0.25, boxes(case), Solo())
    with h5py.File(tmp_path / "7.h5") as file:
        np.testing.assert_array_equal(file["u"][0], np.arange(40, dtype=dtype).reshape(5, 8))
        assert file["time"][:].tolist() == [0.25]
    assert [entry.name for entry in tmp_path.iterdir()] == ["7.h5"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_mpi_io_makes_the_same_file(
    small: Callable[..., dict[str, Any]], tmp_path: Path, single_rank_mpi: Any, dtype: str
) -> None:
    case = casefile.load(small((5, 8), numerics__dtype=dtype))
    whole = np.arange(40, dtype=dtype).reshape(5, 8)
    block = [((slice(0, 5), slice(0, 8)), whole)]
    write(tmp_path / "a.h5", case, 0.25, block, Solo())
    write(tmp_path / "b.h5", case, 0.25, block, MpiTeam(single_rank_mpi.COMM_WORLD.Dup()))
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


@pytest.mark.parametrize("error", [SimError("no"), OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_snapshot_leaves_no_file_and_the_old_one(
    small: Callable[..., dict[str, Any]], tmp_path: Path, error: BaseException
) -> None:
    case = casefile.load(small((5, 8)))

    def broken() -> Iterator[Any]:
        yield next(boxes(case))
        raise error

    write(tmp_path / "0.h5", case, 0.0, boxes(case), Solo())
    before = (tmp_path / "0.h5").read_bytes()
    for name in ("0.h5", "1.h5"):
        with pytest.raises((SimError, KeyboardInterrupt)) as caught:
            write(tmp_path / name, case, 0.0, broken(), Solo())
        assert not isinstance(error, OSError) or "No space left" in str(caught.value)
    assert (tmp_path / "0.h5").read_bytes() == before
    assert not (tmp_path / "1.h5").exists()
    if not isinstance(error, KeyboardInterrupt):
        assert [entry.name for entry in tmp_path.iterdir()] == ["0.h5"]


KILLED = """
import os, numpy as np
from pathlib import Path
from sim import casefile
from sim.output.snapshot import Snapshot
from sim.output.stream import streams_of
from sim.output.writer import PLAIN
from sim.team import Solo
case = casefile.load("heat2d", ["grid.x.cells=64", "grid.y.cells=64"])
def rows(start):
    return (slice(start, start + 32), slice(0, 64)), np.ones((32, 64))
def killed():
    yield rows(0)
    os._exit(9)
def write(path, blocks):
    Snapshot(path, case, streams_of(case, ["u"])["snapshots"], 0.0, Solo(), {}).complete({"u": blocks}, PLAIN)
write(Path("0.h5"), [rows(0), rows(32)])
write(Path("1.h5"), killed())
"""


def child_environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("XLA_", "JAX_"))}
    return {**kept, "PYTHONPATH": str(ROOT)}


def test_a_kill_in_the_middle_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, env=child_environment(), timeout=60)
    assert done.returncode == 9
    assert not (tmp_path / "1.h5").exists()
    with h5py.File(tmp_path / "0.h5") as file:
        assert (file["u"][0] == 1).all()


FULL_DISK = """
import resource, sys
from sim import cli
from sim.output import recorder
name, number, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
write, calls = getattr(recorder, name), []
def limited(*arguments):
    calls.append(1)
    if len(calls) == number:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    return write(*arguments)
setattr(recorder, name, limited)
sys.argv[1:4] = []
cli.entry()
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("writer", "call", "limit", "kept"),
    [
        ("Snapshot", 1, 20_000, 0),
        ("Snapshot", 3, 20_000, 2),
        ("Snapshot", 3, 1_000, 2),
        ("Snapshot", 3, 0, 2),
        ("write_series", 3, 1_000, 3),
        ("write_series", 3, 0, 3),
    ],
)
def test_a_full_disk_is_said_and_keeps_what_there_was(
    writer: str, call: int, limit: int, kept: int, tmp_path: Path, fields: Callable[[Path], list[np.ndarray]]
) -> None:
    """A limit on the size of files: writes beyond it fail as on a disk without room."""
    command = [sys.executable, "-c", FULL_DISK, writer, str(call), str(limit), "run", "heat2d", "--transport=serial"]
    command += ["--set", "grid.x.cells=64", "--set", "grid.y.cells=64", "--output", "out"]
    done = subprocess.run(command, cwd=tmp_path, env=child_environment(), timeout=120, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("sim: error:") == 1 and "Traceback" not in done.stderr
    assert "can't be written" in done.stderr and "File too large" in done.stderr
    assert str(Path("out")) in done.stderr
    snapshots = fields(tmp_path / "out")
    assert len(snapshots) == kept and all(np.isfinite(field).all() for field in snapshots)
    if kept:
        with h5py.File(tmp_path / "out" / "results.h5") as file:
            assert file["u"].shape == (kept, 64, 64)
            np.testing.assert_array_equal(file["u"][1], snapshots[1])
    assert not list((tmp_path / "out").rglob("*.part"))


def test_a_durable_write_is_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_durably(path, lambda part: part.write_text(json.dumps(1)) and None)

    def fail(part: Path) -> None:
        part.write_text("half")
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        write_durably(path, fail)
    assert path.read_text() == "1" and [entry.name for entry in tmp_path.iterdir()] == ["run.json"]
