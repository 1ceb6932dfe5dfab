"""What there is to look at: a run directory, or one HDF5 file of the same layout."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sim.errors import SimError
from sim.looking import record
from sim.looking.field import Field, fields_of, times_of
from sim.looking.hdf5 import opened, refers_elsewhere, text_attribute
from sim.looking.record import Progress, Record
from sim.looking.words import clean, duration
from sim.output import lock
from sim.output.lock import Holder
from sim.output.rundir import RunDirectory
from sim.schedule import MOST_OUTPUTS

_MOST_CASE_BYTES = 1 << 20
_MOST_LOCK_BYTES = 1 << 12


@dataclass(frozen=True)
class Frame:
    """One time: number `number` of its run, at `index` of the file `path`."""

    number: int
    time: float
    path: Path
    index: int = 0

    @property
    def is_there(self) -> bool:
        return self.path.exists()

    def fields(self) -> dict[str, Field]:
        return fields_of(self.path, self.index)


@dataclass(frozen=True)
class Recording:
    """Fields over time: all the times that were named, whether or not their files are there."""

    path: Path
    title: str
    time_units: str
    frames: tuple[Frame, ...]

    def present(self) -> list[Frame]:
        """The frames that are there.  Raises SimError where none is."""
        there = [frame for frame in self.frames if frame.is_there]
        if not there:
            raise SimError(f"{self.path} holds no snapshot yet; `sim info` says how far it is")
        return there


@dataclass(frozen=True)
class Unheard:
    """A process of another machine that holds a run's lock, and how long ago it gave a sign of life."""

    holder: str
    seconds: float

    def __str__(self) -> str:
        return f"nothing heard of {self.holder} for {duration(self.seconds)}: it seems to have ended"


@dataclass(frozen=True)
class Run:
    """A run directory, as it was when it was looked at."""

    directory: RunDirectory
    record: Record
    progress: Progress | None
    recording: Recording
    is_alive: bool
    unheard: Unheard | None
    silent: float | None  # seconds since it last told of its progress

    @property
    def path(self) -> Path:
        return self.directory.path

    @cached_property
    def state(self) -> str:
        """The status recorded; where that is running, 'died' if nobody is at it, 'silent' if that can't be known here
        and is likely."""
        if self.record.status == "running" and not self.is_alive:
            return "died"
        if self.record.status == "running" and self.unheard:
            return "silent"
        return clean(self.record.status, 40)

    @property
    def step(self) -> int | None:
        return self.record.steps if self.record.steps is not None or self.progress is None else self.progress.step

    @property
    def time(self) -> float | None:
        return self.record.time if self.record.time is not None or self.progress is None else self.progress.time

    @property
    def fraction(self) -> float | None:
        """How much of its steps it has taken, where known."""
        if self.state == "complete":
            return 1.0
        return self.progress.fraction if self.progress else None

    def extra(self, name: str) -> Recording:
        """A further output's."""
        directory = self.directory
        return _output(directory, directory.extra(name), directory.extra_series(name), self.record, named=0)

    def case_text(self) -> str:
        return record.read_text(self.directory.case, _MOST_CASE_BYTES) or ""


@contextmanager
def looking_at(*paths: Path) -> Iterator[None]:
    """Raise SimError where the system won't let us look."""
    try:
        yield
    except BrokenPipeError:
        raise  # of our own output
    except OSError as error:
        named = " or ".join(map(clean, paths))
        raise SimError(f"{named} can't be read: {error.strerror or error}; ask its owner for a copy") from None


def read_run(path: Path) -> Run:
    """Raises SimError where there is no run, or its record isn't one."""
    if not _is(path, Path.is_dir):
        raise SimError(f"{clean(path)} is no directory; give that of a run, such as runs/heat2d/latest")
    directory = RunDirectory(path)
    # A run has its lock before it says that it is running, and until it has said how it ended: looked at twice, one
    # that begins or ends meanwhile is not taken for one that died.  Nor is one whose process ends after it was there.
    was_held = _is_held(path)
    progress = record.read(directory.progress, Progress)
    was_gone, silent = (progress.is_dead, progress.age) if progress else (False, None)
    found = record.read(directory.record, Record)
    if found is None:
        raise SimError(f"{clean(path)} holds no run: it has no {directory.record.name}; give the directory of a run")
    if progress and not progress.is_of(found):
        progress, was_gone, silent = None, False, None
    is_alive = (was_held or _is_held(path)) and not was_gone
    snapshots = _output(directory, directory.snapshots, directory.series, found, len(found.snapshots))
    return Run(directory, found, progress, snapshots, is_alive, _unheard(path), silent)


def _is_held(path: Path) -> bool:
    """Whether a process is at the run, for all that is known: on another machine, one that was killed may be."""
    text = record.read_text(path / lock.NAME, _MOST_LOCK_BYTES)
    holder = Holder.read(text) if text else None
    return text is not None and not (holder and holder.is_gone())


def _unheard(path: Path) -> Unheard | None:
    """Who holds the run, where it is nobody who is seen here, and has been silent for so long that it may be gone."""
    text = record.read_text(path / lock.NAME, _MOST_LOCK_BYTES)
    holder = Holder.read(text) if text else None
    if holder is None or holder.is_here():
        return None
    try:
        seconds = time.time() - (path / lock.NAME).stat().st_mtime
    except FileNotFoundError:
        return None
    return Unheard(clean(holder, 100), seconds) if seconds > lock.SECONDS_OF_THE_SILENT else None


def read_recording(path: Path) -> Recording:
    """A run's, or that of one file.  Raises SimError.

    A file such as results.h5, whose fields lie in other files, is what ties the files of a run's output together: those
    are read, by their places in the run directory, and no link of its own is followed.
    """
    if _is(path, Path.is_file):
        if refers_elsewhere(path):
            return _output_by_series(path)
        times, units = times_of(path)
        title = _title(path)
        if not times.size:
            raise SimError(f"{path} has no `time`; give a run directory, or a file that a run has written")
        return Recording(path, title, units, tuple(Frame(i, t, path, i) for i, t in enumerate(times.tolist())))
    return read_run(path).recording


def _output_by_series(path: Path) -> Recording:
    placed = path.absolute()
    own, outer = RunDirectory(placed.parent), RunDirectory(placed.parent.parent)
    if placed == own.series and own.record.is_file():
        return read_run(own.path).recording
    if placed == outer.extra_series(placed.stem) and outer.record.is_file():
        return read_run(outer.path).extra(placed.stem)
    raise SimError(
        f"{clean(path)} only refers to other files, which lie beside it in a run directory; give it where it was "
        f"written, or one file of it all, such as `sim merge` makes there (of a further output with --extra NAME)"
    )


def _is(path: Path, kind: Callable[[Path], bool]) -> bool:
    """Whether it is of that kind.  Raises SimError for what can't even be a path."""
    try:
        return kind(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SimError(f"{clean(path)} can't be looked at: {reason}; give the directory of a run") from None


def _output(directory: RunDirectory, folder: Path, series_file: Path, found: Record, named: int) -> Recording:
    """All that its series, such as results.h5, or run.json name, and what lies there beyond; a damaged series is done
    without.
    """
    series, first = _head(series_file), _head(folder / "0.h5")
    times = series[0] if series else []
    units, title = (series or first or ([], "1", ""))[1:]
    named = max(len(times), named)
    while (folder / f"{named}.h5").exists():
        named += 1
    if named > MOST_OUTPUTS:
        raise SimError(f"{clean(directory.path)} names {named} snapshots, more than any run writes; it isn't a run's")
    paths = [folder / f"{number}.h5" for number in range(named)]
    known = [*times, *map(_time_in, paths[len(times) :])]
    return Recording(directory.path, title or clean(found.case), units, tuple(map(Frame, range(named), known, paths)))


def _time_in(path: Path) -> float:
    head = _head(path)
    return head[0][0] if head and head[0] else float("nan")


def _head(path: Path) -> tuple[list[float], str, str] | None:
    """A file's times, their unit and its title; None where it can't be read."""
    try:
        times, units = times_of(path)
        return times.tolist(), units, _title(path)
    except SimError:
        return None


def _title(path: Path) -> str:
    with opened(path) as file:
        return clean(text_attribute(file, "title", ""))
