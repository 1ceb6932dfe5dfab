"""Small files that stand for much: refused before anything is allocated, in one message."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim.errors import SimError
from sim.fieldfile import FieldFileError, hdf5_files, numpy_files, open_field


def header(shape: tuple[int, ...], version: tuple[int, int] = (1, 0), padding: int = 0) -> bytes:
    stream = io.BytesIO()
    claim = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, claim)
    if version == (1, 0):
        return stream.getvalue()
    text = stream.getvalue()[10:].rstrip() + b" " * padding + b"\n"
    return np.lib.format.magic(2, 0) + len(text).to_bytes(4, "little") + text


def archive(path: Path, content: bytes, packed: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packed) as file:
        file.writestr("u.npy", content)
    return path


def test_a_header_is_not_unpacked_where_it_is_long(tmp_path: Path) -> None:
    path = archive(tmp_path / "f.npz", header((4,), (2, 0), padding=10**8) + bytes(32))
    assert path.stat().st_size < 10**6
    tracemalloc.start()
    with pytest.raises(FieldFileError, match="a header of 1000000.. bytes"):
        open_field(path)
    assert tracemalloc.get_traced_memory()[1] < 10**7
    tracemalloc.stop()


def test_a_header_of_the_second_version_is_read(tmp_path: Path) -> None:
    field = open_field(archive(tmp_path / "f.npz", header((4,), (2, 0)) + np.arange(4.0).tobytes()))
    assert field.read((slice(1, 3),)).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("packed", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_numpy_does_not_write_is_refused(tmp_path: Path, packed: int) -> None:
    with pytest.raises(FieldFileError, match="not packed as numpy does it"):
        open_field(archive(tmp_path / "f.npz", header((4,)) + bytes(32), packed))


def one_row(path: Path) -> Path:
    return archive(path.with_suffix(".npz"), header((2, 10**10)) + bytes(80))


def one_chunk(path: Path) -> Path:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file.create_dataset("u", (2**14, 2**14), "f8", chunks=(2**14, 2**14 - 1), compression="gzip")
    return path.with_suffix(".h5")


@pytest.mark.parametrize(("write", "size"), [(one_row, 76293), (one_chunk, 2047)])
def test_pieces_that_are_too_large_are_refused_unless_allowed(
    write: Callable[[Path], Path], size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "f")

    def read() -> None:
        open_field(path).read(np.index_exp[0:1, 0:1])

    with pytest.raises(FieldFileError, match=f"comes in pieces of {size} MiB, more than 256; .*SIM_FIELD_LIMIT_MIB"):
        read()
    for wrong in ("much", "", "-1", "0"):
        monkeypatch.setenv("SIM_FIELD_LIMIT_MIB", wrong)
        with pytest.raises(FieldFileError, match=f"LIMIT_MIB is a whole number of MiB above 0; got {wrong!r}"):
            read()
    monkeypatch.setenv("SIM_FIELD_LIMIT_MIB", str(size))
    with pytest.raises(FieldFileError, match="more than"):
        read()
    if write is one_chunk:
        monkeypatch.setenv("SIM_FIELD_LIMIT_MIB", str(size + 1))
        assert open_field(path).shape == (2**14, 2**14)


@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_very_many_arrays_are_not_looked_at(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (hdf5_files, numpy_files):
        monkeypatch.setattr(module, "MOST_ARRAYS", 5)
    path = tmp_path / f"f.{suffix}"
    arrays = {f"u{i}": np.zeros(3) for i in range(6)}
    if suffix == "npz":
        np.savez(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, values in arrays.items():
                file[name] = values
    with pytest.raises(FieldFileError, match="holds more than 5"):
        open_field(path)
    assert open_field(path, "u3").shape == (3,)


def test_kinds_of_values_that_could_hold_anything(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("strings", data=["a", "b"], dtype=h5py.string_dtype())
        file.create_dataset("references", (2,), h5py.ref_dtype)
        file.create_dataset("lists", (2,), h5py.vlen_dtype(np.float64))
        file.create_dataset("bytes", (2,), np.dtype("V8"))
        file.create_dataset("records", (2,), np.dtype([("a", "f8")]))
        file["type"] = np.dtype("f8")
    for name in ("strings", "references", "lists", "bytes", "records"):
        with pytest.raises(FieldFileError, match="a field takes real numbers"):
            open_field(tmp_path / "f.h5", name)
    with pytest.raises(FieldFileError, match="has no dataset 'type'"):
        open_field(tmp_path / "f.h5", "type")


def test_a_snapshot_is_an_initial_state(small: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """Its one time is left out; the view that refers to it, and a whole series, are not taken for a field."""
    first = sim.run(small((5, 8)), output=tmp_path / "first")
    start = {"file": str(first.snapshots[-1]), "dataset": "u"}
    second = sim.run(small((5, 8), initial__u=start), output=tmp_path / "second")
    with h5py.File(first.snapshots[-1]) as one, h5py.File(second.snapshots[0]) as other:
        np.testing.assert_array_equal(one["u"][:], other["u"][:])
    for name, path in (("VTKHDF/CellData/u", first.snapshots[-1]), ("u", first.series)):
        with pytest.raises(SimError, match="is virtual"):
            sim.run(small((5, 8), initial__u={"file": str(path), "dataset": name}), output=tmp_path / "third")
    assert not (tmp_path / "third").exists()
