"""Is a run's directory whole?  Everything that it names is there, opens, fits together, and is finite."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.checkpoint.manifest import DamageError
from sim.checkpoint.store import Store
from sim.errors import SimError
from sim.looking.field import Field, times_of
from sim.looking.probed import facts_of_probes
from sim.looking.promise import Promise, promise_of
from sim.looking.recorded import Frame, Recording, Run
from sim.looking.words import clean, count
from sim.output.recorder import most_unlisted
from sim.team import Solo

_MOST_DEFECTS = 1000


@dataclass(frozen=True)
class Defect:
    """What is wrong with one file of the run directory."""

    file: str
    fact: str


def defects_of(run: Run, values: bool = True, watch: Callable[[str], None] = lambda what: None) -> list[Defect]:
    """What is missing or damaged; nothing for a run that is whole so far.

    values: also read every cell, to see that it is finite, and every byte of the checkpoints.  watch is told what is
    being read.
    """
    found: list[Defect] = []
    for defect in _defects(run, values, watch):
        found.append(defect)
        if len(found) == _MOST_DEFECTS:
            break
    return found


def _defects(run: Run, values: bool, watch: Callable[[str], None]) -> Iterator[Defect]:
    promise, directory = Promise(), run.directory
    if not directory.case.exists():
        yield Defect(directory.case.name, "is missing")
    else:
        try:
            promise = promise_of(run.case_text())
        except SimError as error:
            yield Defect(directory.case.name, _without(error, directory.case))
    yield from _of_series(run, directory.series, run.recording)
    yield from _of_frames(run, run.recording, values, watch)
    for name in promise.output.extra:
        yield from _of_extra(run, name, values, watch)
    if promise.probes is not None:
        yield from _of_probes(run, promise.probes.names, values)
    yield from _of_checkpoints(run, values, watch)


def _of_extra(run: Run, name: str, values: bool, watch: Callable[[str], None]) -> Iterator[Defect]:
    folder = run.directory.extra(name)
    if not folder.is_dir():  # it is made before the run says that it runs
        yield Defect(_place(run, folder), "is missing")
        return
    recording = run.extra(name)
    # One that was added to a run that had come to its end has none.
    if not recording.frames and run.record.status == "complete" and not run.record.resumed:
        yield Defect(_place(run, folder), "holds no file")
    yield from _of_series(run, run.directory.extra_series(name), recording)
    yield from _of_frames(run, recording, values, watch)


def _of_frames(run: Run, recording: Recording, values: bool, watch: Callable[[str], None]) -> Iterator[Defect]:
    known: dict[str, tuple[int, ...]] | None = None
    for done, frame in enumerate(recording.frames):
        name = _place(run, frame.path)
        watch(f"{name} ({done + 1} of {len(recording.frames)})")
        if not frame.is_there:
            yield Defect(name, "is missing")
            continue
        try:
            fields = frame.fields()
            shapes = {field.name: field.shape for field in fields.values()}
            # What most snapshots look like isn't known beforehand; the first one that opens is believed.
            known = shapes if known is None and shapes else known
            for fact in (*_misfits(shapes, known or {}), *_of_time(frame), *(_not_finite(fields) if values else ())):
                yield Defect(name, fact)
        except SimError as error:
            yield Defect(name, _without(error, frame.path))


def _of_series(run: Run, series: Path, recording: Recording) -> Iterator[Defect]:
    there, named = len(recording.frames), 0
    if series.exists():
        try:
            named = times_of(series)[0].size
        except SimError as error:
            yield Defect(_place(run, series), _without(error, series))
            return
    if there - named <= (0 if _is_settled(run) else most_unlisted(there)):
        return
    if series.exists():
        fact = f"names {count(named, 'snapshot')}, {there - named} fewer than there should be"
    else:
        fact = "is missing; the snapshots can be read without it"
    yield Defect(_place(run, series), fact)


def _of_probes(run: Run, names: Sequence[str], values: bool) -> Iterator[Defect]:
    path = run.directory.probes
    # They are written after the first snapshot has been begun, and before the second.
    if not path.exists():
        if _is_settled(run) or len(run.recording.frames) > 1:
            yield Defect(_place(run, path), "is missing")
        return
    try:
        for fact in facts_of_probes(path, names, values):
            yield Defect(_place(run, path), fact)
    except SimError as error:
        yield Defect(_place(run, path), _without(error, path))


def _of_checkpoints(run: Run, values: bool, watch: Callable[[str], None]) -> Iterator[Defect]:
    store = Store(run.directory.checkpoints, Solo(), keep=1)
    try:
        steps = store.steps()
    except OSError as error:
        yield Defect(store.folder.name, f"can't be read: {error.strerror}")
        return
    for step in steps:
        folder = store.folder / str(step)
        watch(_place(run, folder))
        try:
            store.verified(step, values)
        except DamageError as damage:
            if folder.is_dir():  # a run that goes on removes old ones
                yield Defect(_place(run, folder), clean(str(damage).replace(f"{folder}/", "")))


def _is_settled(run: Run) -> bool:
    """Whether it has ended with all its files in their series; one that failed may have failed at those."""
    return run.record.status in ("complete", "stopped")


def _place(run: Run, path: Path) -> str:
    """Where in the run directory."""
    return path.relative_to(run.path).as_posix()


def _misfits(shapes: dict[str, tuple[int, ...]], known: dict[str, tuple[int, ...]]) -> Iterator[str]:
    if not shapes:
        yield "has no field of its own with the dimensions `time` and axes"
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
    """Files that a kill has left half-written; the next run doesn't mind them.  Those of a running one are its own."""
    if run.state == "running":
        return []
    return sorted(clean(path.name) for folder in (run.path, run.path / "snapshots") for path in folder.glob(".*.part"))
