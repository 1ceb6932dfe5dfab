"""Values over time alone, such as probes: datasets along `time`, but no fields, in the files of a run directory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from sim.errors import SimError
from sim.looking.field import MEMBER, TIME
from sim.looking.hdf5 import datasets, opened, scale_of, small, text_attribute
from sim.looking.recorded import Run
from sim.looking.words import clean

_MOST_FILES, _MOST_POINTS, _MOST_COLUMNS = 16, 4000, 10
_NOT_SHOWN = {TIME, "step"}
_SPACE = {"x", "y", "z"}


@dataclass(frozen=True)
class Series:
    """One or several curves over time, by name."""

    name: str
    units: str
    times: np.ndarray
    curves: dict[str, np.ndarray]


def series_of(run: Run) -> list[Series]:
    """Of results.h5 and of the other HDF5 files beside it; one that can't be read has none."""
    others = sorted(path for path in run.path.glob("*.h5") if path != run.directory.series)
    found = []
    for path in [run.directory.series, *others[:_MOST_FILES]]:
        try:
            found += _read(path)
        except SimError:
            continue
    return found


def _read(path: Path) -> list[Series]:
    with opened(path) as file:
        return list(_series(file))


def _series(file: h5py.File) -> Iterator[Series]:
    for name, dataset in datasets(file):
        if name in _NOT_SHOWN or dataset.ndim > 2 or (times := _time_of(dataset)) is None:
            continue
        values = small(dataset).astype(np.float64)
        # Of an ensemble one curve a member.
        values = values.T if _scale_name(dataset, 0) == MEMBER else values
        values = values.reshape(len(times), -1)
        stride = -(-len(times) // _MOST_POINTS)
        long_name = clean(text_attribute(dataset, "long_name", name))
        columns = min(values.shape[1], _MOST_COLUMNS)
        names = [clean(name, 40)] if dataset.ndim == 1 else [f"{clean(name, 40)}[{i}]" for i in range(columns)]
        curves = {label: values[::stride, i] for i, label in enumerate(names)}
        yield Series(long_name, clean(text_attribute(dataset, "units", "1")), times[::stride], curves)


def _time_of(dataset: h5py.Dataset) -> np.ndarray | None:
    """The times along which a dataset lies, where it has no axes in space."""
    names = [_scale_name(dataset, axis) for axis in range(dataset.ndim)]
    axis = 1 if names == [MEMBER, TIME] else 0
    if dataset.size == 0 or names[axis] != TIME or set(names) & _SPACE:
        return None
    return small(scale_of(dataset, axis)).astype(np.float64)


def _scale_name(dataset: h5py.Dataset, axis: int) -> str | None:
    scale = scale_of(dataset, axis)
    return None if scale is None else str(scale.name).strip("/")
