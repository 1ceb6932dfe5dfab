"""What a run writes: series of files, each of some fields on some cells at some times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sim.case import Case, ExtraOutput, FieldOutput, OutputTable
from sim.errors import SimError
from sim.hyperslab import Hyperslab
from sim.output.rundir import EXTRA, SNAPSHOTS, RunDirectory


@dataclass(frozen=True)
class FileVariable:
    """A field as it lies in a file."""

    name: str
    dtype: np.dtype[Any]
    long_name: str
    units: str


@dataclass(frozen=True)
class Stream:
    """A series of files 0.h5, 1.h5, … in `folder`, which `series` ties together; paths in the run directory."""

    folder: Path
    series: Path
    slab: Hyperslab
    variables: tuple[FileVariable, ...]
    every: float | None
    members: int | None = None

    @property
    def bytes(self) -> int:
        """Of one file's fields."""
        return sum(variable.dtype.itemsize for variable in self.variables) * self.slab.count * (self.members or 1)

    @property
    def lead(self) -> tuple[int, ...]:
        """Axes of a field before its time: the members of an ensemble."""
        return () if self.members is None else (self.members,)

    def shape(self, outputs: int) -> tuple[int, ...]:
        """Of a field at some times: ([member,] time, [z,] y, x)."""
        return (*self.lead, outputs, *self.slab.shape)

    @property
    def file_series(self) -> Path:
        """ParaView's list of the files."""
        return self.folder.with_suffix(".vtkhdf.series")

    def file(self, number: int) -> Path:
        return self.folder / f"{number}.h5"


@dataclass
class WrittenFiles:
    """The times and steps of a stream's files so far."""

    times: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)


MAIN = SNAPSHOTS


def streams_of(case: Case, fields: Iterable[str]) -> dict[str, Stream]:
    """All streams of a case whose equation has these fields, the snapshots first.

    Raises SimError where the case names another field.
    """
    names = list(fields)
    for name in case.output.fields:
        _check_known(f"output.fields.{name}", name, names)
    inside = RunDirectory(Path())
    found = {MAIN: _stream(case, case.output, names, inside.snapshots, inside.series)}
    for key, extra in case.output.extra.items():
        for name in extra.fields or ():
            _check_known(f"output.extra.{key}.fields", name, names)
        fields = extra.fields or names
        found[f"{EXTRA}/{key}"] = _stream(case, extra, fields, inside.extra(key), inside.extra_series(key))
    return found


def _check_known(key: str, name: str, names: list[str]) -> None:
    if name not in names:
        raise SimError(f"{key}: there is no field {name!r}; the equation has {', '.join(names)}")


def _stream(case: Case, table: OutputTable | ExtraOutput, names: Iterable[str], folder: Path, series: Path) -> Stream:
    precision = table.dtype if isinstance(table, ExtraOutput) else None
    variables = tuple(_variable(case, name, precision) for name in dict.fromkeys(names))
    members = case.ensemble.members if case.ensemble else None
    return Stream(folder, series, table.hyperslab(case.to_grid()), variables, table.every or case.output.every, members)


def _variable(case: Case, name: str, precision: str | None) -> FileVariable:
    output, own = case.output, case.output.fields.get(name, FieldOutput())
    dtype = np.dtype(precision or own.dtype or case.numerics.dtype).newbyteorder("<")
    return FileVariable(name, dtype, own.long_name or output.long_name or name, own.units or output.units)


def parts_of(stream: Stream, blocks: Mapping[str, Iterable[Any]], keep: bool) -> dict[str, Iterator[Any]]:
    """Of each field the blocks' shares of a stream, (place in the file, values): copies where `keep`, else views."""
    found: dict[str, Iterator[Any]] = {}
    for variable in stream.variables:
        shares = _shares(stream.slab, blocks[variable.name], variable.dtype, keep)
        found[variable.name] = iter(list(shares)) if keep else shares
    return found


def _shares(slab: Hyperslab, blocks: Iterable[Any], dtype: np.dtype[Any], keep: bool) -> Iterator[Any]:
    for box, block in blocks:
        lead = len(box) - len(slab.cells)
        place, cells = slab.part(box[lead:])
        part = block[(..., *cells)]
        with np.errstate(over="ignore"):  # what float32 can't hold is infinite there
            yield (*box[:lead], *place), np.array(part, dtype, order="C") if keep else part
