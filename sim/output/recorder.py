"""What the loop knows of output: write what is due, see what has become of it, and wait for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TypeAlias

from sim.case import Case
from sim.errors import SimError
from sim.failpoints import reach
from sim.output.background import Background
from sim.output.place import Blocks
from sim.output.series import write_series
from sim.output.snapshot import Snapshot
from sim.output.stream import MAIN, Stream, WrittenFiles, parts_of
from sim.output.writer import Writer
from sim.schedule import is_output_time
from sim.team import Team, agreement, on_root

# A series lacks less than this part of its files, and none once the recorder has settled.
_PART = 100

BlocksOf: TypeAlias = Callable[[str], Blocks]
"""The blocks of a field, by its name, as they are now."""


def most_unlisted(files: int) -> int:
    """How many of the files that are there a series may lack, as long as the recorder has not settled."""
    return 1 + files // _PART  # the one that is not counted yet, or for which the series is being written


@dataclass(frozen=True)
class Provenance:
    """Attributes of files: of all, which must not depend on how the run was made, and those of the series besides."""

    files: Mapping[str, str]
    series: Mapping[str, str]


@dataclass
class _Pending:
    """A file that is being written: what is done to it now, on each rank, and what is to be done after that."""

    stream: str
    snapshot: Snapshot
    time: float
    step: int
    work: Background
    later: list[Callable[[], None]]


class Recorder:
    """Writes the streams of a run.  All methods are collective, and raise SimError on all ranks alike.

    While a file is written the loop may go on: the blocks have been copied, one extra block of each field at most,
    and no file is begun before the one before it is finished.  A file counts as written once all ranks have agreed
    that it is whole and on disk.
    """

    def __init__(
        self,
        case: Case,
        streams: Mapping[str, Stream],
        directory: Path,
        team: Team,
        writer: Writer,
        provenance: Provenance,
    ) -> None:
        self.written = {name: WrittenFiles() for name in streams}
        self.seconds = 0.0
        self._listed = dict.fromkeys(streams, 0)
        self._case, self._streams, self._directory = case, streams, directory
        self._team, self._writer, self._provenance = team, writer, provenance
        self._overlaps = case.parallel.overlap and writer.in_background
        self._pending: _Pending | None = None

    @property
    def times(self) -> list[float]:
        """Of the snapshots that are there."""
        return self.written[MAIN].times

    def write(self, step: int, time: float, blocks: BlocksOf) -> bool:
        """Write a file of each stream that is due, or begin to; whether any was."""
        end, streams = self._case.time.end, self._streams
        # The snapshots last: they are the largest, and what is begun last has most time.
        due = [name for name in reversed(list(streams)) if is_output_time(time, end, streams[name].every)]
        with self._timed():
            for name in due:
                self._settle()
                self._write(name, step, time, blocks)
        return bool(due)

    def poll(self) -> None:
        """See whether what was begun has come to an end, without waiting for it."""
        with self._timed():
            if self._pending and all(self._team.gather(self._pending.work.done)):
                self._go_on(self._pending)

    def settle(self) -> None:
        """Wait for what was begun; afterwards all files are whole, on disk, and in their series."""
        with self._timed():
            self._settle()
            for name, written in self.written.items():
                if self._listed[name] < len(written.times):
                    self._list(name)

    def wind_up(self) -> None:
        """Where a SimError ends the run: wait for what was begun, which is whole then, or gone."""
        with suppress(SimError):  # what ended the run is what is told
            self.settle()

    def go_on(self, before: Mapping[str, WrittenFiles]) -> None:
        """Continue the series that there were; files beyond them, of a run that went on and was ended, are removed."""
        self.written = {name: before.get(name, WrittenFiles()) for name in self._streams}
        on_root(self._team, self._forget_others)
        for name, written in self.written.items():
            if written.times:
                self._list(name)

    def show(self, path: Path, time: float, blocks: BlocksOf) -> None:
        """Write a file of its own, like a snapshot, that no series lists."""
        stream = self._streams[MAIN]
        snapshot = Snapshot(path, self._case, stream, time, self._team, self._provenance.files)
        parts = parts_of(stream, {v.name: blocks(v.name) for v in stream.variables}, keep=False)
        snapshot.complete(parts, self._writer)

    def _forget_others(self) -> None:
        for name, stream in self._streams.items():
            count = len(self.written[name].times)
            there = (int(p.stem) for p in (self._directory / stream.folder).glob("*.h5") if p.stem.isdecimal())
            # The last one first, so that a kill leaves no gap.
            for number in sorted((n for n in there if n >= count), reverse=True):
                path = self._directory / stream.file(number)
                try:
                    path.unlink()
                except OSError as error:
                    raise SimError(
                        f"{path}, of the run as it went on before, can't be removed: {error.strerror}; remove it"
                    ) from None

    def _settle(self) -> None:
        while self._pending:
            self._go_on(self._pending)

    def _write(self, name: str, step: int, time: float, blocks: BlocksOf) -> None:
        stream, writer = self._streams[name], self._writer
        path = self._directory / stream.file(len(self.written[name].times))
        snapshot = Snapshot(path, self._case, stream, time, self._team, self._provenance.files)
        parts = parts_of(stream, {v.name: blocks(v.name) for v in stream.variables}, keep=self._overlaps)
        if self._overlaps:
            work = Background(lambda: snapshot.fill(parts, writer))
            self._pending = _Pending(name, snapshot, time, step, work, [snapshot.pack])
        else:
            snapshot.complete(parts, writer)
            self._count(name, step, time)

    def _go_on(self, pending: _Pending) -> None:
        """The next thing that is to be done to a file, once all ranks have done the one before."""
        try:
            with agreement(self._team):
                pending.work.finish()
            if pending.later:
                pending.work = Background(pending.later.pop(0))
                return
            self._pending = None
            pending.snapshot.publish()
        except SimError:
            self._pending = None
            pending.snapshot.discard()
            raise
        self._count(pending.stream, pending.step, pending.time)

    def _count(self, name: str, step: int, time: float) -> None:
        reach("snapshot written")
        written = self.written[name]
        written.times.append(time)
        written.steps.append(step)
        # A series is written anew each time, which takes longer the longer it is: of many, not for each one.
        count = len(written.times)
        if count - self._listed[name] > count // _PART:
            self._list(name)

    def _list(self, name: str) -> None:
        """Write the series of a stream as it is now."""
        attributes = {**self._provenance.files, **self._provenance.series}

        def write() -> None:
            try:
                write_series(self._directory, self._case, self._streams[name], self.written[name], attributes)
            except OSError as error:
                raise SimError(f"{self._directory} can't be written: {error.strerror or error}") from None

        on_root(self._team, write)
        self._listed[name] = len(self.written[name].times)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        begin = perf_counter()
        try:
            yield
        finally:
            self.seconds += perf_counter() - begin
