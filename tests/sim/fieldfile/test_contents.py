"""Bad contents are refused: what is no array of numbers, cut short, damaged or larger than it is."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.fieldfile import FieldFileError, open_field
from tests.sim.fieldfile.files import WRITERS, Writer, hdf5, npy, npz, npz_compressed, refusal


def test_missing_strange_and_foreign_files(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "f.npy")
    assert "suffix '.csv'; known: .npy" in refusal(tmp_path / "f.csv")
    (tmp_path / "dir.npy").mkdir()
    assert "not a regular file" in refusal(tmp_path / "dir.npy")
    os.mkfifo(tmp_path / "pipe.npy")
    assert "not a regular file" in refusal(tmp_path / "pipe.npy")
    for suffix in ("npy", "npz", "h5"):
        path = tmp_path / f"text.{suffix}"
        path.write_text("not an array\n" * 100)
        assert f"cannot read {path}" in refusal(path)
        path.write_bytes(b"")
        assert f"cannot read {path}" in refusal(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = npy(tmp_path, np.zeros(3))
    path.chmod(0)
    assert "Permission denied" in refusal(path)


@pytest.mark.parametrize("write", [npy, npz, hdf5])
def test_what_is_not_an_array_of_real_numbers(tmp_path: Path, write: Writer) -> None:
    for values, words in [
        (np.array([1j, 2]), "complex128"),
        (np.array([b"ab", b"c"]), "|S2"),
        (np.zeros(3, [("a", "f8"), ("b", "i4")]), "real numbers"),
        (np.float64(3), "single value"),
        (np.zeros((3, 0)), "is empty"),
    ]:
        path = write(tmp_path, values)  # type: ignore[arg-type]
        name = {"npy": None, "hdf5": "group/only"}.get(write.__name__, "only")
        assert words in refusal(path, name)
        path.unlink()


class _Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (os._exit, (99,))


@pytest.mark.parametrize("write", [npy, npz])
def test_objects_are_never_unpickled(tmp_path: Path, write: Writer) -> None:
    path = write(tmp_path, np.array([_Trap(), None], dtype=object))
    assert "real numbers" in refusal(path)


def test_an_archive_is_not_taken_for_an_array(tmp_path: Path) -> None:
    path = npz(tmp_path, np.zeros(3)).rename(tmp_path / "f.npy")
    assert "cannot read" in refusal(path)


def test_an_array_has_no_name_and_one_flip_an_axis(tmp_path: Path) -> None:
    path = npy(tmp_path, np.zeros((2, 3)))
    assert "leave out dataset 'u'" in refusal(path, "u")
    for flip in ((True, False, False), (True,)):
        with pytest.raises(ValueError, match=rf"flip of {len(flip)} axes for a field of the shape \(2, 3\)"):
            open_field(path).turned(flip)


@pytest.mark.parametrize("write", WRITERS)
def test_a_file_cut_short_or_changed_meanwhile(tmp_path: Path, write: Writer) -> None:
    path = write(tmp_path, np.random.default_rng(0).normal(size=(500, 20)))
    field = open_field(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FieldFileError, match="cannot read"):
        field.read(np.index_exp[:, :])
    path.unlink()
    with pytest.raises(FieldFileError, match="cannot read"):
        field.read(np.index_exp[:, :])
    write(tmp_path, np.zeros((400, 20)))
    with pytest.raises(FieldFileError, match="cannot read"):
        field.read(np.index_exp[:, :])


@pytest.mark.parametrize("write", [npy, npz, npz_compressed])
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, write: Writer, data: st.DataObject) -> None:
    path = write(tmp_path, np.arange(12.0).reshape(3, 4))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        field = open_field(path)
        field.read(tuple(slice(0, min(n, 3)) for n in field.shape))
    except FieldFileError:
        pass


def test_a_header_larger_than_its_data(tmp_path: Path) -> None:
    header = io.BytesIO()
    claim = {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**9)}
    np.lib.format.write_array_header_1_0(header, claim)
    (tmp_path / "f.npy").write_bytes(header.getvalue() + bytes(80))
    with zipfile.ZipFile(tmp_path / "f.npz", "w") as archive:
        archive.writestr("u.npy", header.getvalue() + bytes(80))
    for name in ("f.npy", "f.npz"):
        field = open_field(tmp_path / name)
        with pytest.raises(FieldFileError, match="cannot read|comes in pieces of 7629 MiB"):
            field.read(np.index_exp[0:2, 0:2])
