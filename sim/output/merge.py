"""A series of files as one: plain, and on its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sim import casefile
from sim.case import Case
from sim.errors import SimError
from sim.output.contents import contiguous, write_contents
from sim.output.durable import check_room, write_durably
from sim.output.layout import size_of_metadata
from sim.output.pieces import copy_field, packed
from sim.output.rundir import CASE, EXTRA, RunDirectory
from sim.output.series import write_steps
from sim.output.stream import MAIN, Stream, WrittenFiles, streams_of
from sim.output.target import check_target
from sim.output.vtkhdf import field_names


@dataclass(frozen=True)
class _Series:
    """A series of a run as it is found on disk."""

    directory: Path
    case: Case
    stream: Stream
    written: WrittenFiles
    provenance: dict[str, str]

    def file(self, number: int) -> Path:
        return self.directory / self.stream.file(number)


def merge(directory: Path, output: Path | None, extra: str | None, compress: bool) -> Path:
    """Write all times of a run's snapshots, or of its output `extra`, into one file, and return where.

    No more than a piece of a field is in memory, and the file has its name when it is whole.
    Raises SimError where there is no such series, where one of its files is missing or another's, or where the
    file can't be written, or would replace the run's own.
    """
    series = _found(directory, extra)
    path = output or RunDirectory(directory).merged(extra)
    check_target(path, directory)
    try:
        write_durably(path, lambda part: _write(part, series, compress))
    except OSError as error:
        raise SimError(f"{path} can't be written: {error.strerror or error}; give another with --output") from None
    return path


def _found(directory: Path, extra: str | None) -> _Series:
    run = RunDirectory(directory)
    if not run.case.is_file():
        raise SimError(f"{directory} holds no run ({CASE} is missing); give the directory of one")
    case = casefile.load(run.case)
    if extra is not None and extra not in case.output.extra:
        known = ", ".join(case.output.extra) or "none"
        raise SimError(f"{directory} has no extra output {extra!r}; it has {known}")
    key, path = (MAIN, run.series) if extra is None else (f"{EXTRA}/{extra}", run.extra_series(extra))
    try:
        with h5py.File(path) as file:
            fields = field_names(file)
            written = WrittenFiles(file["time"][:].tolist(), file["step"][:].tolist())
            provenance = {key: str(text) for key, text in file.attrs.items() if key not in ("Conventions", "title")}
    except (OSError, KeyError, ValueError, TypeError, RuntimeError):
        raise SimError(f"{path} can't be read; give the directory of a run that has written") from None
    return _Series(directory, case, streams_of(case, fields)[key], written, provenance)


def _write(part: Path, series: _Series, compress: bool) -> None:
    stream, count = series.stream, len(series.written.times)
    check_room(part.parent, size_of_metadata(stream, count) + int(1.01 * count * stream.bytes))
    with h5py.File(part, "w") as file:
        store = packed if compress else contiguous
        write_contents(file, series.case, stream, series.written.times, series.provenance, store)
        write_steps(file, series.written)
        for number in range(count):
            _copy(series, number, file)


def _copy(series: _Series, number: int, target: h5py.File) -> None:
    path = series.file(number)
    try:
        with _opened(path) as source:
            _check(series, number, source)
            for variable in series.stream.variables:
                copy_field(source[variable.name], target[variable.name], number, len(series.stream.lead))
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise SimError(f"{path} is not a file of this run: {error}; merge a whole run") from None


def _opened(path: Path) -> h5py.File:
    """Raises SimError for what is not there, or not whole: HDF5 sees that at once where a file is cut short."""
    try:
        return h5py.File(path)
    except OSError:
        raise SimError(f"{path} is missing or damaged; a run is merged whole or not at all") from None


def _check(series: _Series, number: int, source: h5py.File) -> None:
    time: Any = source["time"][:]
    if not np.array_equal(time, [series.written.times[number]]):
        raise ValueError(f"its time is {time}, not {series.written.times[number]}")
    for variable in series.stream.variables:
        field = source[variable.name]
        link = source.get(variable.name, getlink=True)
        if not isinstance(link, h5py.HardLink) or field.is_virtual or field.external:
            raise ValueError(f"{variable.name} lies elsewhere")
        if field.shape != series.stream.shape(1) or field.dtype != variable.dtype:
            raise ValueError(f"{variable.name} is {field.dtype} {field.shape}")
