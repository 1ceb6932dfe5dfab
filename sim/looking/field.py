"""One field at one time in a file: what it is, and its values, strided for the eye or slab by slab for sums."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from sim.looking.hdf5 import check_size, datasets, opened, scale_of, small, text_attribute
from sim.looking.words import clean

TIME = "time"
MEMBER = "member"
_SLAB_BYTES = 16 << 20


@dataclass(frozen=True)
class Axis:
    """A row of cells; `first` and `last` are the centres of its outermost ones."""

    name: str
    units: str
    cells: int
    first: float
    last: float

    @property
    def spacing(self) -> float:
        return (self.last - self.first) / (self.cells - 1) if self.cells > 1 else 1.0

    @property
    def edges(self) -> tuple[float, float]:
        return self.first - self.spacing / 2, self.last + self.spacing / 2

    def centre(self, index: int) -> float:
        return self.first + index * self.spacing

    def nearest(self, coordinate: float) -> int:
        """The cell whose centre is next; ValueError outside the axis."""
        lower, upper = sorted(self.edges)
        if not lower <= coordinate <= upper:
            raise ValueError(f"{self.name} = {coordinate:g} lies outside {lower:g} … {upper:g}")
        return min(max(round((coordinate - self.first) / self.spacing), 0), self.cells - 1)


@dataclass(frozen=True)
class Sample:
    """Every so-maniest cell of a field or of a cut through it: `values` has the axes that remain, in array order.

    `strides` are in cells; `where` says where it was cut, '' for a whole field.
    """

    field: Field
    axes: tuple[Axis, ...]
    values: np.ndarray
    strides: tuple[int, ...]
    where: str

    def coordinates(self, axis: int) -> np.ndarray:
        across, stride = self.axes[axis], self.strides[axis]
        return across.first + across.spacing * (
            _first(across.cells, stride) + stride * np.arange(self.values.shape[axis])
        )


@dataclass(frozen=True)
class Field:
    """[z,] y, x at `index` of the axis time of a dataset; opened anew for every read.

    Of an ensemble's dataset, which has an axis before that, the part of one `member`, as a field of its own: u[0], ….
    """

    path: Path
    index: int
    name: str
    long_name: str
    units: str
    dtype: np.dtype
    axes: tuple[Axis, ...]
    member: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(axis.cells for axis in self.axes)

    @property
    def _at(self) -> tuple[int, ...]:
        """Where in the dataset it lies: the indices of the axes before the grid's."""
        return (self.index,) if self.member is None else (self.member, self.index)

    @property
    def cells(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.cells * self.dtype.itemsize

    def sample(self, most: int, cut: Mapping[str, int] | None = None) -> Sample:
        """At most `most` cells along each axis, evenly; `cut` maps axes to the one index wanted of them.

        No more than the sample is in memory.  Raises SimError where the file can't be read (any more).
        """
        cut = cut or {}
        kept = tuple(axis for axis in self.axes if axis.name not in cut)
        strides = tuple(-(-axis.cells // most) for axis in kept)
        selection = tuple(
            cut[axis.name] if axis.name in cut else slice(_first(axis.cells, s := -(-axis.cells // most)), None, s)
            for axis in self.axes
        )
        with opened(self.path) as file:
            values = self._dataset(file)[(*self._at, *selection)]
        at = (f"{axis.name} = {axis.centre(cut[axis.name]):.4g}" for axis in self.axes if axis.name in cut)
        return Sample(self, kept, np.asarray(values), strides, ", ".join(at))

    def slabs(self, itemsize: int | None = None) -> Iterator[np.ndarray]:
        """All values in C order, a slab of about 16 MiB at a time, in the machine's byte order.

        `itemsize` cuts the slabs as if values had so many bytes: fields of two types come in the same slabs.
        """
        with opened(self.path) as file:
            dataset = self._dataset(file)
            for box in _boxes(self.shape, _SLAB_BYTES // (itemsize or self.dtype.itemsize)):
                yield np.asarray(dataset[(*self._at, *box)], self.dtype.newbyteorder("="))

    def _dataset(self, file: h5py.File) -> h5py.Dataset:
        stored = self.name if self.member is None else self.name.removesuffix(f"[{self.member}]")
        found = dict(datasets(file)).get(stored)
        if found is None or found.shape[len(self._at) :] != self.shape or found.dtype != self.dtype:
            raise ValueError(f"the field {self.name!r} has changed since it was looked at")
        return found


def fields_of(path: Path, index: int = 0) -> dict[str, Field]:
    """The fields ([member,] time, [z,] y, x) of a file by name, at one of its times: what has `time` and axes.

    Raises SimError for a file that isn't HDF5, is damaged, or lies about its size.
    """
    with opened(path) as file:
        found = {}
        for name, dataset in datasets(file):
            members, axes = _axes(dataset)
            if axes is not None:
                check_size(dataset)
                long_name = clean(text_attribute(dataset, "long_name", name))
                units = clean(text_attribute(dataset, "units", "1"))
                for member in [None] if members is None else range(members):
                    own, its = (name, long_name) if member is None else (f"{name}[{member}]", f"{long_name} [{member}]")
                    found[own] = Field(path, index, own, its, units, dataset.dtype, axes, member)
        return found


def times_of(path: Path) -> tuple[np.ndarray, str]:
    """The values of a file's `time`, and their unit; none where it has no such scale."""
    with opened(path) as file:
        for name, dataset in datasets(file):
            if name == TIME and dataset.ndim == 1:
                return small(dataset).astype(np.float64), clean(text_attribute(dataset, "units", "1"))
        return np.empty(0), "1"


def _axes(dataset: h5py.Dataset) -> tuple[int | None, tuple[Axis, ...] | None]:
    """How many members a dataset has, if it is an ensemble's, and the axes of its grid; None where it is no field."""
    if not 2 <= dataset.ndim <= 5 or 0 in dataset.shape:
        return None, None
    scales = [scale for axis in range(dataset.ndim) if (scale := scale_of(dataset, axis)) is not None]
    if len(scales) < dataset.ndim:
        return None, None
    members = dataset.shape[0] if _name(scales[0]) == MEMBER else None
    first, *others = scales if members is None else scales[1:]
    if _name(first) != TIME or not 1 <= len(others) <= 3:
        return None, None
    return members, tuple(
        Axis(_name(s), clean(text_attribute(s, "units", "1")), s.shape[0], float(s[0]), float(s[-1])) for s in others
    )


def _name(scale: h5py.Dataset) -> str:
    return clean(str(scale.name).rsplit("/", 1)[-1], 40)


def _first(cells: int, stride: int) -> int:
    """Where to begin, so that as much is left out on either side."""
    return (cells - 1) % stride // 2


def _boxes(shape: tuple[int, ...], most: int) -> Iterator[tuple[slice, ...]]:
    """Boxes of about `most` cells that cover a shape in C order."""
    layer = math.prod(shape[1:])
    if layer > most:
        for i in range(shape[0]):
            yield from ((slice(i, i + 1), *box) for box in _boxes(shape[1:], most))
        return
    count = max(1, most // layer)
    for start in range(0, shape[0], count):
        yield (slice(start, min(start + count, shape[0])), *(slice(0, n) for n in shape[1:]))
