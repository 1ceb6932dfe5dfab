"""Fields from files: every box is that of the whole array, little is read for it, bad files are refused."""

import io
import os
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.fieldfile import FieldFile, FieldFileError, open_field, resolve

Writer = Callable[[Path, np.ndarray], Path]


def _npy(folder: Path, values: np.ndarray) -> Path:
    np.save(folder / "f.npy", values)
    return folder / "f.npy"


def _npz(folder: Path, values: np.ndarray) -> Path:
    np.savez(folder / "f.npz", only=values)
    return folder / "f.npz"


def _npz_compressed(folder: Path, values: np.ndarray) -> Path:
    np.savez_compressed(folder / "g.npz", only=values)
    return folder / "g.npz"


def _hdf5(folder: Path, values: np.ndarray) -> Path:
    with h5py.File(folder / "f.h5", "w") as file:
        file.create_dataset("group/only", data=values)
    return folder / "f.h5"


def _chunked(folder: Path, values: np.ndarray) -> Path:
    with h5py.File(folder / "g.nc", "w") as file:
        file.create_dataset("only", data=values, chunks=True, compression="gzip")
    return folder / "g.nc"


WRITERS = [_npy, _npz, _npz_compressed, _hdf5, _chunked]


# ---------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_box_is_that_of_the_whole(tmp_path: Path, write: Writer, order: str) -> None:
    values = np.asarray(np.random.default_rng(0).normal(size=(9, 7, 5)), order=order)  # type: ignore[call-overload]
    path = write(tmp_path, values)
    for flip in ((False, False, False), (False, True, False), (True, True, True)):
        field = open_field(path).turned(flip)
        turned = np.flip(values, tuple(axis for axis, f in enumerate(flip) if f))
        assert field.shape == (9, 7, 5)
        for box in (np.s_[0:9, 0:7, 0:5], np.s_[2:5, 6:7, 1:4], np.s_[8:9, :, 0:1], np.s_[3:3, 0:7, 0:5]):
            part = field.read(box)
            assert part.dtype == np.float64
            assert part.flags.c_contiguous
            assert part.flags.owndata
            np.testing.assert_array_equal(part, turned[box])


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("dtype", ["?", "i1", "<u2", ">i4", "<f2", ">f4", "<f8", "g"])
def test_real_numbers_of_any_kind_become_float64(tmp_path: Path, write: Writer, dtype: str) -> None:
    values = np.array([0, 1, 3, 100]).astype(dtype)
    field = open_field(write(tmp_path, values))
    np.testing.assert_array_equal(field.read(np.index_exp[1:4]), values[1:4].astype(float))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_random_boxes_of_an_archive(tmp_path: Path, data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=4), "shape"))
    values = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    if data.draw(st.booleans(), "Fortran's order"):
        values = np.asfortranarray(values)
    cuts = [data.draw(st.tuples(st.integers(0, n), st.integers(0, n)).map(sorted)) for n in shape]
    flip = tuple(data.draw(st.tuples(*[st.booleans()] * len(shape)), "flip"))
    box = tuple(slice(*cut) for cut in cuts)
    turned = np.flip(values, tuple(axis for axis, f in enumerate(flip) if f))
    np.testing.assert_array_equal(open_field(_npz(tmp_path, values)).turned(flip).read(box), turned[box])


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_small_box_of_a_large_file_takes_little_memory(tmp_path: Path, write: Writer, order: str) -> None:
    values = np.zeros((2000, 1000), order=order)  # type: ignore[call-overload]
    values[1500, 500] = 1
    path = write(tmp_path, values)
    del values
    open_field(path).read(np.index_exp[0:1, 0:1])  # imports are not the reading's
    tracemalloc.start()
    part = open_field(path).read(np.index_exp[1490:1510, 400:600])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert part.sum() == part[10, 100] == 1
    assert peak < 4e6  # of 16 MB


def test_an_open_field_can_be_pickled_and_holds_no_file(tmp_path: Path) -> None:
    field = open_field(_hdf5(tmp_path, np.eye(3))).turned((True, False))
    copy = pickle.loads(pickle.dumps(field))
    assert isinstance(copy, FieldFile)
    assert copy == field
    assert copy.dataset == "group/only"
    np.testing.assert_array_equal(copy.read(np.index_exp[:, :]), np.eye(3)[::-1])


@pytest.mark.parametrize(
    "box", [np.index_exp[0:4], np.s_[0:5, 0:4], np.s_[-1:2, 0:3], np.s_[3:2, 0:3], np.s_[0:4:2, 0:3]]
)
def test_a_box_outside_the_array_is_an_error(tmp_path: Path, box: tuple[slice, ...]) -> None:
    field = open_field(_npy(tmp_path, np.zeros((4, 3))))
    with pytest.raises(ValueError, match="box"):
        field.read(box)


# ----------------------------------------------------------------------------------------- choosing a dataset


def _refusal(path: Path, dataset: str | None = None) -> str:
    with pytest.raises(FieldFileError) as caught:
        open_field(path, dataset)
    assert "\n" not in str(caught.value)
    assert "; " in str(caught.value)  # the remedy
    return str(caught.value)


def test_the_one_array_of_numbers_needs_no_name(tmp_path: Path) -> None:
    path = tmp_path / "f.npz"
    np.savez(path, dx=0.5, name="hill", z=np.eye(2), none=np.empty((0, 3)))
    assert open_field(path).dataset == "z"
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.update({"dx": 0.5, "name": "hill", "deep/z": np.eye(2), "w": np.array([1j])})
    assert open_field(tmp_path / "f.h5").dataset == "deep/z"


@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_of_several_the_name_must_be_given_and_must_be_there(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"f.{suffix}"
    if suffix == "npz":
        np.savez(path, u=np.eye(2), v=np.zeros(3))
    else:
        with h5py.File(path, "w") as file:
            file.update({"u": np.eye(2), "v": np.zeros(3)})
    message = _refusal(path)
    assert "several arrays" in message
    assert "'u' (2, 2) float64, 'v' (3,) float64" in message
    assert "no dataset 'w'; it holds 'u'" in _refusal(path, "w")
    np.testing.assert_array_equal(open_field(path, "v").read(np.index_exp[:]), np.zeros(3))


def test_an_archive_or_file_without_arrays(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "f.npz", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    assert "no array of real numbers; name a dataset of nothing" in _refusal(tmp_path / "f.npz")
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_group("g")
    assert "no array" in _refusal(tmp_path / "f.h5")
    assert "no dataset 'g'" in _refusal(tmp_path / "f.h5", "g")


def test_many_datasets_are_not_all_listed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.update({f"d{i}": np.zeros(2) for i in range(50)})
    message = _refusal(tmp_path / "f.h5")
    assert "and 30 more" in message
    assert len(message) < 1000


# ----------------------------------------------------------------------------------------------- bad contents


def test_missing_strange_and_foreign_files(tmp_path: Path) -> None:
    assert "does not exist" in _refusal(tmp_path / "f.npy")
    assert "suffix '.csv'; known: .npy" in _refusal(tmp_path / "f.csv")
    (tmp_path / "dir.npy").mkdir()
    assert "not a regular file" in _refusal(tmp_path / "dir.npy")
    os.mkfifo(tmp_path / "pipe.npy")
    assert "not a regular file" in _refusal(tmp_path / "pipe.npy")
    for suffix in ("npy", "npz", "h5"):
        path = tmp_path / f"text.{suffix}"
        path.write_text("not an array\n" * 100)
        assert f"cannot read {path}" in _refusal(path)
        path.write_bytes(b"")
        assert f"cannot read {path}" in _refusal(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = _npy(tmp_path, np.zeros(3))
    path.chmod(0)
    assert "Permission denied" in _refusal(path)


@pytest.mark.parametrize("write", [_npy, _npz, _hdf5])
def test_what_is_not_an_array_of_real_numbers(tmp_path: Path, write: Writer) -> None:
    for values, words in [
        (np.array([1j, 2]), "complex128"),
        (np.array([b"ab", b"c"]), "|S2"),
        (np.zeros(3, [("a", "f8"), ("b", "i4")]), "real numbers"),
        (np.float64(3), "single value"),
        (np.zeros((3, 0)), "is empty"),
    ]:
        path = write(tmp_path, values)  # type: ignore[arg-type]
        name = {"_npy": None, "_hdf5": "group/only"}.get(write.__name__, "only")
        assert words in _refusal(path, name)
        path.unlink()


class _Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (os._exit, (99,))


@pytest.mark.parametrize("write", [_npy, _npz])
def test_objects_are_never_unpickled(tmp_path: Path, write: Writer) -> None:
    path = write(tmp_path, np.array([_Trap(), None], dtype=object))
    assert "real numbers" in _refusal(path)


def test_an_archive_is_not_taken_for_an_array(tmp_path: Path) -> None:
    path = _npz(tmp_path, np.zeros(3)).rename(tmp_path / "f.npy")
    assert "cannot read" in _refusal(path)


def test_an_array_has_no_name_and_one_flip_an_axis(tmp_path: Path) -> None:
    path = _npy(tmp_path, np.zeros((2, 3)))
    assert "leave out dataset 'u'" in _refusal(path, "u")
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


@pytest.mark.parametrize("write", [_npy, _npz, _npz_compressed])
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


# ------------------------------------------------------------------------------------------ HDF5's many files


def test_links_are_followed_within_the_file_only(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["u"] = np.ones(3)
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["group/u"] = np.zeros(3)
        file["soft"] = h5py.SoftLink("/group/./u")
        file["group/beside"] = h5py.SoftLink("u")
        file["loop"] = h5py.SoftLink("/loop")
        file["gone"] = h5py.SoftLink("/nowhere")
        file["out"] = h5py.ExternalLink("other.h5", "/u")
        file["out_group"] = h5py.ExternalLink("other.h5", "/")
        file["sly"] = h5py.SoftLink("/out_group/u")
    for name in ("group/u", "/group/u", "soft", "group/beside"):
        assert open_field(tmp_path / "f.h5", name).read(np.index_exp[:]).sum() == 0
    for name in ("out", "out_group/u", "sly"):
        assert "link into 'other.h5'" in _refusal(tmp_path / "f.h5", name)
    for name in ("loop", "gone", "group/u/x", ""):
        assert "no dataset" in _refusal(tmp_path / "f.h5", name)


def test_values_in_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    (tmp_path / "raw").write_bytes(bytes(24))
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "u", (3,))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("external", (3,), "f8", external=[(str(tmp_path / "raw"), 0, 24)])
    assert "is virtual" in _refusal(path, "virtual")
    assert "keeps its values in" in _refusal(path, "external")


def test_packed_and_missing_values_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.nc"
    with h5py.File(path, "w") as file:
        for name, attributes in {
            "packed": {"scale_factor": 0.1},
            "plain": {"scale_factor": [1.0], "add_offset": 0.0, "_FillValue": np.float32(-9999)},
            "gaps": {"_FillValue": np.array([2.0])},
            "odd": {"missing_value": "none"},
        }.items():
            file[name] = np.arange(4.0)
            file[name].attrs.update(attributes)
    assert "packed" in _refusal(path, "packed")
    assert open_field(path, "plain").read(np.index_exp[:]).sum() == 6
    assert open_field(path, "odd").read(np.index_exp[:]).sum() == 6
    assert open_field(path, "gaps").read(np.index_exp[0:2]).sum() == 1
    with pytest.raises(FieldFileError, match="without a value"):
        open_field(path, "gaps").read(np.index_exp[:])


def test_an_empty_dataspace_and_types_beyond_numpy(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["null"] = h5py.Empty("f8")
        file.create_dataset("text", data=["a", "b"])
        h5py.h5d.create(file.id, b"time", h5py.h5t.UNIX_D32LE, h5py.h5s.create_simple((3,)))
    assert "single value" in _refusal(tmp_path / "f.h5", "null")
    assert "object values" in _refusal(tmp_path / "f.h5", "text")
    assert "object values" in _refusal(tmp_path / "f.h5", "time")


# --------------------------------------------------------------------------------------------------- the path


def test_a_path_starts_at_the_base(tmp_path: Path) -> None:
    assert resolve("a/f.npy", None, tmp_path) == tmp_path / "a/f.npy"
    assert resolve(tmp_path / "f.npy", None, Path("elsewhere")) == tmp_path / "f.npy"


def test_a_path_in_a_package_that_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "trap_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (tmp_path / "trap_module.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert resolve("data/f.npy", "trap_package", Path("base")) == package / "data/f.npy"
    for path in ("../trap_module.py", "data/../../x", "/etc/passwd"):
        with pytest.raises(FieldFileError, match="leaves package"):
            resolve(path, "trap_package", tmp_path)
    for name in ("trap_module", "no_such_package", "", "__main__"):
        with pytest.raises(FieldFileError, match="not installed"):
            resolve("f.npy", name, tmp_path)
    with pytest.raises(FieldFileError, match="subpackage"):
        resolve("f.npy", "trap_package.data", tmp_path)


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed")
def test_the_elevation_model_inside_matplotlib() -> None:
    path = resolve("mpl-data/sample_data/jacksboro_fault_dem.npz", "matplotlib", Path())
    field = open_field(path).turned((True, False))
    assert field.dataset == "elevation"
    assert field.shape == (344, 403)
    with np.load(path) as archive:
        whole = archive["elevation"][::-1]
    np.testing.assert_array_equal(field.read(np.index_exp[100:200, 7:9]), whole[100:200, 7:9])
