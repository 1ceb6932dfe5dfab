"""A field in a file: looked into once, then read a part at a time."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.fieldfile.damage import one_message
from sim.fieldfile.hdf5_files import Hdf5
from sim.fieldfile.layout import Box, FieldFileError, Format, Layout, Range, check_layout
from sim.fieldfile.numpy_files import Npy, Npz

_NAMES_SHOWN = 20

_FORMATS: Mapping[str, Format] = {
    ".npy": Npy(),
    ".npz": Npz(),
    ".h5": Hdf5(),
    ".hdf5": Hdf5(),
    ".nc": Hdf5(),
}


@dataclass(frozen=True)
class FieldFile:
    """One array of a file, opened anew for every read: nothing stays open, and it can be pickled.

    `shape` is the whole array's and `dtype` the file's own; `dataset` is its name there (None for .npy).
    Where `flip` is true the axis runs backwards: index 0 is the file's last.  An elevation model, stored
    north first, so gets a y that grows.  `times` counts leading axes of length 1 that are left out: a snapshot
    has one.  Built by `open_field`, as it is stored, and `turned`.
    """

    path: Path
    dataset: str | None
    flip: tuple[bool, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    times: int = 0

    def turned(self, flip: tuple[bool, ...]) -> FieldFile:
        """The same field, of each axis told whether to reverse it.

        An axis more than told of, the first and of length 1, is the time of a snapshot, and left out.
        Raises ValueError for other numbers of axes.
        """
        times = len(self.shape) - len(flip)
        if times not in (0, 1) or self.shape[:times] != (1,) * times:
            raise ValueError(f"flip of {len(flip)} axes for a field of the shape {self.shape}")
        return replace(self, flip=flip, shape=self.shape[times:], times=times)

    def read(self, box: Box) -> NDArray[np.float64]:
        """Return the cells of `box`, a slice of step 1 an axis: a new C-ordered array that the caller owns.

        No more than the box and about a megabyte (in an archive: at least one row) is in memory.
        Raises ValueError for a box outside `shape`, FieldFileError for a file that cannot be read (any more).
        """
        wanted = _checked_box(box, self.shape)
        ranges = tuple(
            (size - stop, size - start) if flipped else (start, stop)
            for (start, stop), size, flipped in zip(wanted, self.shape, self.flip, strict=True)
        )
        with one_message(self.path):
            stored = _format_of(self.path).read(self.path, self.dataset or "", ((0, 1),) * self.times + ranges)
            part = stored[(0,) * self.times]
            if part.shape != tuple(stop - start for start, stop in ranges):
                raise ValueError("it has changed since the run began")
            turned = part[tuple(slice(None, None, -1 if flipped else 1) for flipped in self.flip)]
            return np.array(turned, dtype=np.float64, order="C")


def open_field(path: Path | str, dataset: str | None = None) -> FieldFile:
    """Look into a file (.npy, .npz, .h5, .hdf5, .nc) without reading the data.

    `dataset` names the array in an .npz or HDF5 file; it may be left out where there is one array of real
    numbers.
    Raises FieldFileError: no such file, another format, no such dataset, not an array of real numbers.
    """
    path = Path(path)
    reader = _format_of(path)
    if not path.is_file():
        fact = "is not a regular file" if path.exists() else "does not exist"
        raise FieldFileError(f"field file {path} {fact}; check its path (a relative one starts at the case file)")
    with one_message(path):
        name = _choose(reader.contents(path), path) if dataset is None else dataset
        try:
            layout = reader.layout(path, name)
        except KeyError:
            there = _listing(reader.contents(path))
            raise FieldFileError(f"{path} has no dataset {name!r}; it holds {there}") from None
    check_layout(layout, f"dataset {name!r} of {path}" if name else str(path))
    return FieldFile(path, name or None, (False,) * len(layout.shape), layout.shape, layout.dtype)


def _format_of(path: Path) -> Format:
    try:
        return _FORMATS[path.suffix.lower()]
    except KeyError:
        known = ", ".join(_FORMATS)
        raise FieldFileError(f"field file {path} has suffix {path.suffix!r}; known: {known}") from None


def _choose(contents: Mapping[str, Layout], path: Path) -> str:
    # One array alone is chosen as it is: what is wrong with it is then said in its own message.
    suitable = [name for name, layout in contents.items() if len(contents) == 1 or not layout.problem()]
    if len(suitable) == 1:
        return suitable[0]
    count = "several arrays" if suitable else "no array"
    raise FieldFileError(f"{path} holds {count} of real numbers; name a dataset of {_listing(contents)}")


def _listing(contents: Mapping[str, Layout]) -> str:
    shown = [f"{name!r} {lay.shape} {lay.dtype}" for name, lay in list(contents.items())[:_NAMES_SHOWN]]
    more = [f"and {len(contents) - _NAMES_SHOWN} more"] if len(contents) > _NAMES_SHOWN else []
    return ", ".join(shown + more) or "nothing"


def _checked_box(box: Box, shape: tuple[int, ...]) -> tuple[Range, ...]:
    """Return start and stop for each axis; ValueError where the box leaves the array."""
    if len(box) != len(shape):
        raise ValueError(f"box of {len(box)} axes for a field of {len(shape)}")
    ranges = []
    for cut, size in zip(box, shape, strict=True):
        start = 0 if cut.start is None else operator.index(cut.start)
        stop = size if cut.stop is None else operator.index(cut.stop)
        if not (0 <= start <= stop <= size) or cut.step not in (None, 1):
            raise ValueError(f"box {cut} outside 0:{size}, or of a step other than 1")
        ranges.append((start, stop))
    return tuple(ranges)
