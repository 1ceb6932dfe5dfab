"""HDF5, and so netCDF-4."""

from __future__ import annotations

import importlib
import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.fieldfile.layout import FieldFileError, Layout, Range, check_layout, slices
from sim.fieldfile.limits import MOST_ARRAYS, check_piece

_MAX_LINKS = 32


class Hdf5:
    """Datasets of an HDF5 file, read by hyperslab; what would open other files is refused."""

    def contents(self, path: Path) -> dict[str, Layout]:
        found: dict[str, Layout] = {}
        with _hdf5(path) as file:
            h5py = importlib.import_module("h5py")

            def look(name: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset):
                    found[name] = _hdf5_layout(item)
                if len(found) > MOST_ARRAYS:
                    raise FieldFileError(f"{path} holds more than {MOST_ARRAYS} datasets; name the one that is meant")

            # Follows hard links alone, each object once.
            file.visititems(look)
        return found

    def layout(self, path: Path, name: str) -> Layout:
        with _hdf5(path) as file:
            dataset = _follow(file, name)
            layout = _hdf5_layout(dataset)
            check_layout(layout, _what(file, name))
            _check_own_plain(dataset, _what(file, name))
            return layout

    def read(self, path: Path, name: str, ranges: tuple[Range, ...]) -> NDArray[Any]:
        with _hdf5(path) as file:
            dataset = _follow(file, name)
            _check_own_plain(dataset, _what(file, name))
            part = np.asarray(dataset[slices(ranges)])
            _check_no_gaps(part, dataset, _what(file, name))
            return part


@contextmanager
def _hdf5(path: Path) -> Iterator[Any]:
    # Loaded here: a run without HDF5 input does without h5py.
    with importlib.import_module("h5py").File(path, "r") as file:
        yield file


def _hdf5_layout(dataset: Any) -> Layout:
    try:
        dtype = np.dtype(dataset.dtype)
    except TypeError:  # an HDF5 type that numpy does not have
        dtype = np.dtype(object)
    return Layout(dataset.shape or (), dtype)


def _follow(file: Any, name: str) -> Any:
    """Return the dataset `name`, step by step, so that no link leads into another file; KeyError if none."""
    h5py = importlib.import_module("h5py")
    here, parts, links = file, deque(name.split("/")), 0
    while parts:
        part = parts.popleft()
        if part in ("", "."):
            continue
        link = here.get(part, getlink=True) if isinstance(here, h5py.Group) else None
        if isinstance(link, h5py.HardLink):
            here = here[part]
        elif isinstance(link, h5py.SoftLink) and links < _MAX_LINKS:
            links += 1
            here = file if link.path.startswith("/") else here
            parts.extendleft(reversed(link.path.split("/")))
        elif isinstance(link, h5py.ExternalLink):
            raise FieldFileError(f"{_what(file, name)} is a link into {link.filename!r}; give that file itself")
        else:
            raise KeyError(name)
    if not isinstance(here, h5py.Dataset):
        raise KeyError(name)
    return here


def _what(file: Any, name: str) -> str:
    return f"dataset {name!r} of {file.filename}"


def _check_own_plain(dataset: Any, what: str) -> None:
    """Refuse values that lie in other files, or that are not the field's but packed."""
    if dataset.is_virtual:
        raise FieldFileError(f"{what} is virtual: its values lie in other files; give one of those")
    if dataset.external:
        raise FieldFileError(f"{what} keeps its values in {dataset.external[0][0]!r}; put them into one file")
    if dataset.chunks is not None:
        check_piece(math.prod(dataset.chunks) * dataset.dtype.itemsize, what)
    for key, neutral in (("scale_factor", 1), ("add_offset", 0)):
        if np.any(np.asarray(dataset.attrs.get(key, neutral)) != neutral):
            raise FieldFileError(f"{what} is packed ({key} {dataset.attrs[key]}); store plain numbers")


def _check_no_gaps(part: NDArray[Any], dataset: Any, what: str) -> None:
    """Refuse cells marked as missing by the conventions of netCDF."""
    for key in ("_FillValue", "missing_value"):
        if key in dataset.attrs and np.isin(part, np.ravel(dataset.attrs[key])).any():
            raise FieldFileError(f"{what} has cells without a value ({key}); fill the gaps first")
