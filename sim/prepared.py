"""A run before it has a directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sim.output.stream import Stream
from sim.output.writer import Writer
from sim.ready import Ready
from sim.schedule import Plan


@dataclass(frozen=True)
class Prepared(Ready):
    """What steps, what is to do, and what is to be written."""

    streams: dict[str, Stream]
    writer: Writer
    plan: Plan

    @property
    def folders(self) -> list[Path]:
        return [stream.folder for stream in self.streams.values()]
