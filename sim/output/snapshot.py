"""One time, one HDF5 file, written by all ranks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import h5py

from sim.case import Case
from sim.errors import SimError
from sim.output.contents import contiguous, write_contents
from sim.output.durable import check_room, publish, temporary
from sim.output.layout import size_of_metadata
from sim.output.pieces import copy_field, packed
from sim.output.place import Blocks, FilePlace
from sim.output.stream import Stream
from sim.output.writer import Writer
from sim.team import Team, agreement, on_root

T = TypeVar("T")


class Snapshot:
    """A file in the making: the fields of a stream at one time, as ([member,] 1, [z,] y, x) at `path`.

    Rank 0 makes a plain file with the space allocated but not written; the blocks then go straight to their
    place in it.  The file has its final name only when it is whole and on disk.
    """

    def __init__(
        self, path: Path, case: Case, stream: Stream, time: float, team: Team, provenance: Mapping[str, str]
    ) -> None:
        """Make the file.  Collective.  Raises SimError, on every rank alike, where it can't be made."""
        self.path = path
        self._part = temporary(path)
        self._what = (self._part, case, stream, time, provenance)
        self._packed = case.output.compress != "none"
        self._team = team
        try:
            offsets = on_root(team, lambda: self._writing(lambda: _create(*self._what)))
        except SimError:
            self.discard()
            raise
        self._places = [
            FilePlace(
                self._part,
                variable.name,
                offset,
                (*stream.lead, *stream.slab.shape),
                variable.dtype,
                len(stream.lead),
            )
            for variable, offset in zip(stream.variables, offsets, strict=True)
        ]

    def fill(self, blocks: Mapping[str, Blocks], writer: Writer) -> None:
        """Write this rank's blocks of each field.  Collective where the writer is.  Raises SimError on this rank."""
        for place in self._places:
            self._writing(lambda place=place: writer.write(place, blocks[place.name]))  # type: ignore[misc]

    def pack(self) -> None:
        """Compress it where that is asked for, on rank 0; nothing elsewhere.  Raises SimError on this rank."""
        if self._packed and self._team.rank == 0:
            self._writing(lambda: _pack(*self._what))

    def publish(self) -> None:
        """Give it its name.  Collective, once all ranks have filled it.  Raises SimError on every rank alike."""
        on_root(self._team, lambda: self._writing(lambda: publish(self.path)))

    def complete(self, blocks: Mapping[str, Blocks], writer: Writer) -> None:
        """All of it, now.  Collective.  Raises SimError, on every rank alike, where any rank can't write."""
        try:
            with agreement(self._team):
                self.fill(blocks, writer)
            with agreement(self._team):
                self.pack()
            self.publish()
        except SimError:
            self.discard()
            raise

    def discard(self) -> None:
        """Remove what there is of it; where that can't be done, its name says that it is none."""
        if self._team.rank == 0:
            with suppress(OSError):
                self._part.unlink(missing_ok=True)

    def _writing(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except OSError as error:
            reason = error.strerror or str(error)
            raise SimError(
                f"the snapshot {self.path} can't be written: {reason}; free space, or use --output"
            ) from None


def _create(part: Path, case: Case, stream: Stream, time: float, provenance: Mapping[str, str]) -> list[int]:
    """Make the file; return where in it each field's first byte is."""
    check_room(part.parent, size_of_metadata(stream, 1) + stream.bytes)
    with h5py.File(part, "w") as file:
        write_contents(file, case, stream, [time], provenance, contiguous)
        return [file[variable.name].id.get_offset() for variable in stream.variables]


def _pack(part: Path, case: Case, stream: Stream, time: float, provenance: Mapping[str, str]) -> None:
    """Put a file with packed fields in the place of a plain one."""
    smaller = part.with_suffix(".packed")
    try:
        # What can't be packed may grow a little.
        check_room(part.parent, size_of_metadata(stream, 1) + int(1.01 * stream.bytes))
        with h5py.File(part) as source, h5py.File(smaller, "w") as target:
            write_contents(target, case, stream, [time], provenance, packed)
            for variable in stream.variables:
                copy_field(source[variable.name], target[variable.name], 0, len(stream.lead))
        os.replace(smaller, part)
    except BaseException:
        smaller.unlink(missing_ok=True)
        raise
