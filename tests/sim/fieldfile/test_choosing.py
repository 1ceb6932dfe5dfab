"""Which of a file's arrays is meant, and how the others are told."""

import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from sim.fieldfile import open_field
from tests.sim.fieldfile.files import refusal


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
    message = refusal(path)
    assert "several arrays" in message
    assert "'u' (2, 2) float64, 'v' (3,) float64" in message
    assert "no dataset 'w'; it holds 'u'" in refusal(path, "w")
    np.testing.assert_array_equal(open_field(path, "v").read(np.index_exp[:]), np.zeros(3))


def test_an_archive_or_file_without_arrays(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "f.npz", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    assert "no array of real numbers; name a dataset of nothing" in refusal(tmp_path / "f.npz")
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_group("g")
    assert "no array" in refusal(tmp_path / "f.h5")
    assert "no dataset 'g'" in refusal(tmp_path / "f.h5", "g")


def test_many_datasets_are_not_all_listed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.update({f"d{i}": np.zeros(2) for i in range(50)})
    message = refusal(tmp_path / "f.h5")
    assert "and 30 more" in message
    assert len(message) < 1000
