"""Fields of files are read in slabs, boxes and samples, and no more than is shown."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from sim import casefile
from sim.looking import difference
from sim.looking.field import _boxes, fields_of, times_of
from sim.output.series import write_series
from sim.output.stream import MAIN, WrittenFiles, streams_of
from tests.sim.looking.runs import SHAPES, field_of, ramp, write_run

Small = Callable[..., dict[str, Any]]


# ----------------------------------------------------------------------------------------------------------------- info


def test_a_series_may_have_many_times(small: Small, tmp_path: Path) -> None:
    case, count = casefile.load(small()), 10_001
    written = WrittenFiles([float(number) for number in range(count)], list(range(count)))
    write_series(tmp_path, case, streams_of(case, ["u"])[MAIN], written, {})
    assert times_of(tmp_path / "results.h5")[0].size == count


# -------------------------------------------------------------------------------------------------------------- compare


def test_slabs_of_either_size_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.looking.field._SLAB_BYTES", 64)
    u = np.arange(7 * 5 * 3, dtype=np.float32).reshape(7, 5, 3)
    a = fields_of(write_run(tmp_path / "a", {0.0: {"u": u}}) / "snapshots/0.h5")["u"]
    b = fields_of(write_run(tmp_path / "b", {0.0: {"u": u.astype(np.float64) + (u == 100)}}) / "snapshots/0.h5")["u"]
    assert np.concatenate([slab.ravel() for slab in a.slabs()]).tobytes() == u.tobytes()
    found = difference.difference(a, b, 0.0)
    assert found.max == 1.0 and found.l2 == pytest.approx(np.sqrt(1 / u.size))
    assert found.digests[0] == hashlib.sha256(u.tobytes()).hexdigest()


@pytest.mark.parametrize("shape", [(1,), (100,), (7, 5), (3, 11, 2), (2, 40)])
@pytest.mark.parametrize("most", [1, 4, 9, 1000])
def test_boxes_cover_each_cell_once_in_order(shape: tuple[int, ...], most: int) -> None:
    cells = np.arange(np.prod(shape)).reshape(shape)
    parts = [cells[box].ravel() for box in _boxes(shape, most)]
    assert np.array_equal(np.concatenate(parts), cells.ravel()) and max(map(len, parts)) <= most


@pytest.mark.parametrize("most", [1, 3, 7, 16, 100])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_sample_is_strided_and_knows_where_it_is(shape: tuple[int, ...], most: int, tmp_path: Path) -> None:
    sample = field_of(tmp_path, shape).sample(most)
    assert all(n <= most for n in sample.values.shape)
    places = [sample.coordinates(axis) for axis in range(len(shape))]
    # On cells of width 1 from 0 on, the index is the coordinate less a half.
    indices = np.meshgrid(*((place - 0.5).round().astype(int) for place in places), indexing="ij")
    assert np.array_equal(sample.values, ramp(shape)[tuple(indices)])


def test_only_what_is_shown_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """2¹⁶ × 2¹⁶ cells, of which the file holds one chunk."""
    path, cells = tmp_path / "0.h5", 1 << 16
    with h5py.File(path, "w") as file:
        for name, values in (("time", [0.0]), ("y", None), ("x", None)):
            scale = file.create_dataset(name, data=values, shape=None if values else (cells,), dtype="f8")
            scale.make_scale(name)
        u = file.create_dataset("u", (1, cells, cells), "f4", chunks=(1, 64, 64), fillvalue=3.0)
        for axis, name in enumerate(("time", "y", "x")):
            u.dims[axis].attach_scale(file[name])
    monkeypatch.setattr("sim.looking.hdf5._MOST_EXPANSION", 1 << 40)
    sample = fields_of(path)["u"].sample(64)
    assert sample.values.shape == (64, 64) and sample.strides == (1 << 10, 1 << 10) and (sample.values == 3.0).all()
