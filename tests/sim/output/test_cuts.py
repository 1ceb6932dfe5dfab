"""Less than everything: strides, boxes, slices, precision, packing, and further series of files."""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim import casefile
from sim.errors import SimError
from tests.sim.output.vtk_images import by_vtk, cells_of

EXTRA = {
    "wall": {"at": {"z": 0.0}, "every": 0.004, "dtype": "float32"},
    "middle": {"box": {"x": [0.2, 0.7], "y": [0.3, 0.9]}, "stride": {"x": 2}},
}
SHAPE = (6, 10, 9)
WHERE = [
    {"transport": "serial"},
    {"transport": "xla", "devices": 4, "process_grid": {"y": 2, "x": 2}},
    {"transport": "virtual", "blocks": 6},
    {"transport": "xla", "devices": 3, "overlap": False},
]


def field(path: Path, name: str = "u") -> tuple[np.ndarray, list[np.ndarray]]:
    with h5py.File(path) as file:
        return file[name][:], [file[axis][:] for axis in ("time", "z", "y", "x") if axis in file]


@pytest.fixture(scope="module")
def whole(small: Callable[..., dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All of it, at all the times of the others."""
    table = small(SHAPE, output__every=0.01, output__extra={"often": {"every": 0.004}}, time__end=0.02)
    return sim.run(table, output=tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="module", params=WHERE, ids=lambda where: where["transport"])
def cut(
    request: pytest.FixtureRequest, small: Callable[..., dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    table = small(SHAPE, output__every=0.01, output__extra=EXTRA, output__stride={"x": 4, "z": 5}, time__end=0.02)
    return sim.run({**table, "parallel": request.param}, output=tmp_path_factory.mktemp("cut") / "run")


def test_snapshots_hold_every_so_many_th_cell(cut: Any, whole: Any) -> None:
    found, centres = field(cut.series)
    expected, everywhere = field(whole.series)
    np.testing.assert_array_equal(found, expected[:, ::5, :, ::4])
    for axis, step in enumerate((1, 5, 1, 4)):
        np.testing.assert_array_equal(centres[axis], everywhere[axis][::step])
    _, image = by_vtk(cut.series, 0.02)
    np.testing.assert_array_equal(cells_of(image), found[-1])
    # VTK's cells lie around the ones kept.
    for axis, values in enumerate(reversed(centres[1:])):
        low, high = image.GetBounds()[2 * axis : 2 * axis + 2]
        width = (high - low) / len(values)
        np.testing.assert_allclose(low + (np.arange(len(values)) + 0.5) * width, values, rtol=1e-13, atol=1e-15)


def test_a_slice_more_often_and_in_float32(cut: Any, whole: Any) -> None:
    found, (times, z, *_) = field(cut.directory / "extra" / "wall.h5")
    expected, (all_times, heights, *_) = field(whole.directory / "extra" / "often.h5")
    np.testing.assert_array_equal(times, all_times)
    np.testing.assert_allclose(times, [0.0, 0.004, 0.008, 0.012, 0.016, 0.02])
    assert found.dtype == np.float32 and z.tolist() == heights[:1].tolist()
    np.testing.assert_array_equal(found, expected[:, :1].astype("f4"))


def test_a_box_at_the_times_of_the_snapshots(cut: Any, whole: Any) -> None:
    found, (times, _, y, x) = field(cut.directory / "extra" / "middle.h5")
    expected, (all_times, _, all_y, all_x) = field(whole.series)
    rows, columns = (all_y >= 0.3) & (all_y <= 0.9), (all_x >= 0.2) & (all_x <= 0.7)
    np.testing.assert_array_equal(times, all_times)
    np.testing.assert_array_equal(y, all_y[rows])
    np.testing.assert_array_equal(x, all_x[columns][::2])
    np.testing.assert_array_equal(found, expected[:, :, rows][..., columns][..., ::2])


def test_the_files_do_not_show_how_they_were_written(
    cut: Any, small: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """Of snapshots and extra files every byte is the same, however the run was cut and written."""
    table = small(SHAPE, output__every=0.01, output__extra=EXTRA, output__stride={"x": 4, "z": 5}, time__end=0.02)
    alone = sim.run({**table, "parallel": {"transport": "serial", "overlap": False}}, output=tmp_path / "run")
    files = [path.relative_to(alone.directory) for path in alone.directory.glob("**/[0-9].h5")]
    assert len(files) == 3 + 6 + 3
    for path in files:
        assert (cut.directory / path).read_bytes() == (alone.directory / path).read_bytes(), path


def test_packed_files_hold_the_same(small: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    table = small((64, 300), initial__u="x", output__extra={"line": {"at": {"y": 1.0}}})
    results = [
        sim.run({**table, "output": {**table["output"], "compress": compress}}, output=tmp_path / compress)
        for compress in ("none", "gzip")
    ]
    for plain, packed in zip(*(result.snapshots for result in results), strict=True):
        assert packed.stat().st_size < 0.7 * plain.stat().st_size
        with h5py.File(plain) as one, h5py.File(packed) as other:
            assert other["u"].compression == "gzip" and set(one) == set(other)
            assert one["u"][:].tobytes() == other["u"][:].tobytes()
        np.testing.assert_array_equal(cells_of(by_vtk(packed)[1]), cells_of(by_vtk(plain)[1]))
    np.testing.assert_array_equal(field(results[1].series)[0], field(results[0].series)[0])
    assert not list(tmp_path.rglob("*.p*"))


def test_what_float32_can_not_hold_is_infinite(small: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = small((8,), initial__u=1e39, output__fields={"u": {"dtype": "float32"}})
        result = sim.run(table, output=tmp_path / "run")
    assert np.isposinf(field(result.series)[0]).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"output__fields": {"w": {}}}, "output.fields.w: there is no field 'w'; the equation has u"),
        ({"output__extra": {"a": {"fields": ["u", "w"]}}}, "output.extra.a.fields: there is no field 'w'"),
        ({"output__extra": {"../a": {}}}, "output.extra"),
        ({"output__extra": {"/etc/a": {}}}, "output.extra"),
        ({"output__extra": {"a.b": {}}}, "output.extra"),
        ({"output__extra": {"": {}}}, "output.extra"),
        ({"output__extra": {"a": {"at": {"z": 0.1}}}}, "output.extra.a cuts an axis z"),
        ({"output__stride": {"x": 0}}, "output.stride.x"),
        ({"output__box": {"x": [0.1]}}, "output.box.x"),
        ({"output__extra": {"a": {"every": 1e-12}}}, "output.every"),
        ({"parallel__writer": "mpi-io"}, "needs ranks of MPI"),
        ({"parallel__writer": "hdf5"}, "needs ranks of MPI"),
    ],
)
def test_output_that_makes_no_sense_is_refused(
    small: Callable[..., dict[str, Any]], tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(SimError) as caught:
        sim.run(small(**changes), output=tmp_path / "run")
    assert words in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_case_with_all_of_it_survives_its_text(small: Callable[..., dict[str, Any]]) -> None:
    extra = {**EXTRA, "all": {"fields": ["u"], "index": {"y": 3}}}
    case = casefile.load(small(SHAPE, output__extra=extra, output__fields={"u": {"units": "K"}}))
    text = casefile.to_toml(case)
    assert casefile.load(tomllib.loads(text)) == case
