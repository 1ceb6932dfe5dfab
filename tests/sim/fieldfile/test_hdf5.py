"""Of what HDF5 can refer to and pack, only what is plainly there is read."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from sim.fieldfile import FieldFileError, open_field
from tests.sim.fieldfile.files import refusal


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
        assert "link into 'other.h5'" in refusal(tmp_path / "f.h5", name)
    for name in ("loop", "gone", "group/u/x", ""):
        assert "no dataset" in refusal(tmp_path / "f.h5", name)


def test_values_in_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    (tmp_path / "raw").write_bytes(bytes(24))
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "u", (3,))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("external", (3,), "f8", external=[(str(tmp_path / "raw"), 0, 24)])
    assert "is virtual" in refusal(path, "virtual")
    assert "keeps its values in" in refusal(path, "external")


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
    assert "packed" in refusal(path, "packed")
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
    assert "single value" in refusal(tmp_path / "f.h5", "null")
    assert "object values" in refusal(tmp_path / "f.h5", "text")
    assert "object values" in refusal(tmp_path / "f.h5", "time")
