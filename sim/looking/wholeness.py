"""Is a run's directory whole?  Everything that it names is there, opens, fits together, and is finite."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.errors import SimError
from sim.looking.field import Field, times_of
from sim.looking.recorded import Frame, Run
from sim.looking.words import clean, count

_MOST_FINDINGS = 1000


@dataclass(frozen=True)
class Finding:
    """What is wrong with one file of the run directory."""

    file: str
    fact: str


def examine(run: Run, values: bool = True, watch: Callable[[int], None] = lambda done: None) -> list[Finding]:
    """What is missing or damaged; nothing for a run that is whole so far.

    values: also read every cell, to see that it is finite.  watch is told how many snapshots are done.
    """
    found: list[Finding] = []
    for finding in _findings(run, values, watch):
        found.append(finding)
        if len(found) == _MOST_FINDINGS:
            break
    return found


def _findings(run: Run, values: bool, watch: Callable[[int], None]) -> Iterator[Finding]:
    frames = run.recording.frames
    if not run.directory.case.exists():
        yield Finding(run.directory.case.name, "is missing")
    yield from _of_series(run)
    known: dict[str, tuple[int, ...]] | None = None
    for done, frame in enumerate(frames):
        watch(done)
        name = f"{frame.path.parent.name}/{frame.path.name}"
        if not frame.is_there:
            yield Finding(name, "is missing")
            continue
        try:
            fields = frame.fields()
            shapes = {field.name: field.shape for field in fields.values()}
            # What most snapshots look like isn't known beforehand; the first one that opens is believed.
            known = shapes if known is None and shapes else known
            for fact in (*_misfits(shapes, known or {}), *_of_time(frame), *(_not_finite(fields) if values else ())):
                yield Finding(name, fact)
        except SimError as error:
            yield Finding(name, _without(error, frame.path))
    watch(len(frames))


def _of_series(run: Run) -> Iterator[Finding]:
    series = run.directory.series
    if not series.exists():
        if run.recording.frames:
            yield Finding(series.name, "is missing; the snapshots can be read without it")
        return
    try:
        named = times_of(series)[0].size
    except SimError as error:
        yield Finding(series.name, _without(error, series))
        return
    # A snapshot is written just before the series that names it.
    late = len(run.recording.frames) - named
    if late > (run.record.status == "running"):
        yield Finding(series.name, f"names {count(named, 'snapshot')}, {late} fewer than there should be")


def _misfits(shapes: dict[str, tuple[int, ...]], known: dict[str, tuple[int, ...]]) -> Iterator[str]:
    if not shapes:
        yield "has no field of its own that hangs on `time` and axes"
        return
    for name, shape in known.items():
        if name not in shapes:
            yield f"has no field {clean(name)!r}"
        elif shapes[name] != shape:
            yield f"its field {clean(name)!r} has the shape {shapes[name]}, not {shape} as the others"


def _of_time(frame: Frame) -> Iterator[str]:
    times = times_of(frame.path)[0]
    if times.size != 1 or (times[0] != frame.time and not math.isnan(frame.time)):
        yield f"is of t = {', '.join(f'{t:g}' for t in times[:3])}, not {frame.time:g}"


def _not_finite(fields: dict[str, Field]) -> Iterator[str]:
    for name, field in fields.items():
        broken = sum(int(slab.size - np.count_nonzero(np.isfinite(slab))) for slab in field.slabs())
        if broken:
            yield f"{broken:,} of {field.cells:,} cells of {clean(name)!r} are NaN or infinite"


def _without(error: SimError, path: Path) -> str:
    """What it says, where the file has been named already."""
    return clean(str(error).replace(str(path), "it"))


def leftovers(run: Run) -> list[str]:
    """Files that a kill has left half-written; the next run doesn't mind them."""
    return sorted(clean(path.name) for folder in (run.path, run.path / "snapshots") for path in folder.glob(".*.part"))
