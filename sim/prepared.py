"""A run before it has a directory: what steps, what is to do, and what is to be written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sim.output.stream import Stream
from sim.output.writer import Writer
from sim.schedule import Plan
from sim.simulation import Simulation
from sim.stepping import Speed
from sim.tuning import Tuning


@dataclass(frozen=True)
class Prepared:
    """`speed` is that of the fields with which the run began, also where it goes on from others.

    `integrator` says what steps, and why where that was chosen here.
    """

    simulation: Simulation
    tuning: Tuning
    streams: dict[str, Stream]
    writer: Writer
    plan: Plan
    speed: Speed
    integrator: str

    @property
    def folders(self) -> list[Path]:
        return [stream.folder for stream in self.streams.values()]
