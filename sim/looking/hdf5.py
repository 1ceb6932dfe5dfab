"""HDF5 files from anybody, opened with care: no other file is opened by way of one, and no claim is believed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from sim.errors import SimError
from sim.fieldfile import FieldFileError
from sim.fieldfile.damage import one_message
from sim.schedule import MOST_OUTPUTS

# Deflate, the strongest of HDF5's own filters, makes at most 1032 bytes of one.
_MOST_EXPANSION = 1100
# results.h5 has a link for each of its times.
_MOST_NAMES = MOST_OUTPUTS + 10_000
_LONGEST_SCALE = 1_000_000_000
_MOST_SMALL_BYTES = 64 << 20


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """The file, open for reading.  Raises SimError where it is missing, foreign or damaged, also inside."""
    if not path.is_file():
        raise SimError(f"{path} {'is no regular file' if path.exists() else 'is missing'}")
    try:
        with one_message(path), h5py.File(path, "r", locking="best-effort") as file:
            yield file
    except FieldFileError as error:
        raise SimError(str(error)) from None


def datasets(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """The plain datasets of numbers at the root, by hard links alone: external and soft ones are not followed."""
    for name in _of_its_own(file):
        dataset = file[name]
        if is_plain(dataset):
            yield name, dataset


def _of_its_own(file: h5py.File) -> Iterator[str]:
    """The names of the datasets at the root, by hard links alone."""
    for number, name in enumerate(file):
        if number == _MOST_NAMES:
            raise ValueError(f"it has more than {_MOST_NAMES} names at its root")
        if isinstance(file.get(name, getlink=True), h5py.HardLink) and file.get(name, getclass=True) is h5py.Dataset:
            yield name


def refers_elsewhere(path: Path) -> bool:
    """Whether a file has virtual datasets at its root, and no field of its own.  Raises SimError."""
    with opened(path) as file:
        there = [file[name] for name in _of_its_own(file)]
        return any(d.is_virtual for d in there) and not any(is_plain(d) and d.ndim > 1 for d in there)


def is_plain(dataset: h5py.Dataset) -> bool:
    """Whether its values are real numbers of its own file, and not made from nothing."""
    # Asked first: the very shape of a virtual dataset may be that of other files.
    if (
        dataset.is_virtual
        or dataset.external
        or dataset.id.get_type().get_class() not in (h5py.h5t.INTEGER, h5py.h5t.FLOAT)
    ):
        return False
    return bool(dataset.shape)


def check_size(dataset: h5py.Dataset) -> None:
    """Raise ValueError where the file is too small to hold what the dataset claims."""
    claimed = dataset.dtype.itemsize * math.prod(dataset.shape)
    there = Path(dataset.file.filename).stat().st_size
    if claimed > _MOST_EXPANSION * there:
        raise ValueError(f"{dataset.name} claims {claimed} bytes in a file of {there}")


def small(dataset: h5py.Dataset) -> np.ndarray:
    """All values of a dataset that describes, such as `time`.  Raises ValueError where it is too large for that."""
    check_size(dataset)
    if dataset.dtype.itemsize * dataset.size > _MOST_SMALL_BYTES:
        raise ValueError(f"{dataset.name} has {dataset.size} values")
    return np.asarray(dataset[()])


def scale_of(dataset: h5py.Dataset, axis: int) -> h5py.Dataset | None:
    """The dimension scale of an axis, where there is one of the same length."""
    scales = dataset.dims[axis]
    if len(scales) == 0:
        return None
    scale = scales[0]
    fits = is_plain(scale) and scale.shape == (dataset.shape[axis],) and scale.shape[0] <= _LONGEST_SCALE
    return scale if fits else None


def text_attribute(item: h5py.Dataset | h5py.File, key: str, default: str) -> str:
    value = item.attrs.get(key, default)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str) else default
