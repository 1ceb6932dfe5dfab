"""Files of fields in every format, and what is said of those that are refused."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from sim.fieldfile import FieldFileError, open_field

Writer = Callable[[Path, np.ndarray], Path]


def npy(folder: Path, values: np.ndarray) -> Path:
    np.save(folder / "f.npy", values)
    return folder / "f.npy"


def npz(folder: Path, values: np.ndarray) -> Path:
    np.savez(folder / "f.npz", only=values)
    return folder / "f.npz"


def npz_compressed(folder: Path, values: np.ndarray) -> Path:
    np.savez_compressed(folder / "g.npz", only=values)
    return folder / "g.npz"


def hdf5(folder: Path, values: np.ndarray) -> Path:
    with h5py.File(folder / "f.h5", "w") as file:
        file.create_dataset("group/only", data=values)
    return folder / "f.h5"


def chunked(folder: Path, values: np.ndarray) -> Path:
    with h5py.File(folder / "g.nc", "w") as file:
        file.create_dataset("only", data=values, chunks=True, compression="gzip")
    return folder / "g.nc"


WRITERS = [npy, npz, npz_compressed, hdf5, chunked]


def refusal(path: Path, dataset: str | None = None) -> str:
    with pytest.raises(FieldFileError) as caught:
        open_field(path, dataset)
    assert "\n" not in str(caught.value)
    assert "; " in str(caught.value)  # the remedy
    return str(caught.value)
