"""A run's probes: the steps between two records, and the series of records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from sim.acting import observations_of
from sim.case import Case
from sim.errors import SimError
from sim.output.timeseries import TimeSeries
from sim.schedule import Segment
from sim.team import Team, on_root
from solvers.march import March
from solvers.observing import Sampler

# Records taken in one call of a compiled program; even, for they may come in pairs.
_CAPACITY = 256


class Recorded(Protocol):
    """What a recording steps: the simulation, as far as that goes."""

    step: int
    time: float

    def take(self, segment: Segment, first: int, steps: int) -> float: ...

    def take_recording(
        self, sampler: Sampler, segment: Segment, first: int, records: int
    ) -> tuple[float, np.ndarray]: ...

    def observe(self, sampler: Sampler, time: float) -> np.ndarray: ...


@dataclass
class ProbeRecording:
    """Every so many steps, counted from the run's first, a row of the series, of a steady state always; the same on all
    ranks.
    """

    sampler: Sampler
    series: TimeSeries
    in_the_loop: bool

    @classmethod
    def of(cls, case: Case, march: March, in_the_loop: bool = True) -> ProbeRecording | None:
        """That of the case's probes, where it has some; `in_the_loop`: whether the march is what steps."""
        if case.probes is None:
            return None
        # A steady state is found in one step, and is what is asked for.
        every = 1 if case.time.steady else case.probes.every
        sampler = Sampler(march, observations_of(case), every, _CAPACITY)
        members = case.ensemble.members if case.ensemble is not None else None
        return cls(sampler, TimeSeries(case.probes.names, members, own_times=case.time.adaptive), in_the_loop)

    def begin(self, simulation: Recorded) -> None:
        """The row of the beginning."""
        self._observe(simulation, 0.0)

    def go_on(self, path: Path, step: int, team: Team) -> None:
        """Take over what a run has written up to a step, on the rank that writes.  Raises SimError on all alike."""
        on_root(team, lambda: self._read(path, step))

    def write(self, path: Path, case: Case, team: Team) -> None:
        """All rows so far.  Raises SimError on all ranks alike."""

        def write() -> None:
            try:
                self.series.write(path, case)
            except OSError as error:
                raise SimError(f"{path} can't be written: {error.strerror or error}; free space") from None

        on_root(team, write)

    def _read(self, path: Path, step: int) -> None:
        self.series = self.series.read(path, step)

    def advance(self, simulation: Recorded, segment: Segment, first: int, steps: int) -> float:
        """The steps first … first + steps - 1 of a segment, with the records that fall due; the seconds they took.

        Fewer where they come to the end before.
        """
        every, done, seconds = self.sampler.every, 0, 0.0
        while done < steps:
            due, left = every - simulation.step % every, steps - done
            records = min(left // every, _CAPACITY) if due == every and self.in_the_loop else 0
            records -= records % self.sampler.in_a_turn
            if records:
                begin = simulation.step
                elapsed, rows = simulation.take_recording(self.sampler, segment, first + done, records)
                for number in range(records):
                    self.series.append(begin + (number + 1) * every, rows[number])
                done += records * every
            else:
                count, begin = min(due, left), simulation.step
                elapsed = simulation.take(segment, first + done, count)
                taken = simulation.step - begin
                done += taken
                if taken and simulation.step % every == 0:
                    self._observe(simulation, _time(simulation, segment, first + done))
                if taken < count:
                    return seconds + elapsed
            seconds += elapsed
        return seconds

    def _observe(self, simulation: Recorded, time: float) -> None:
        self.series.append(simulation.step, simulation.observe(self.sampler, time))


def _time(simulation: Recorded, segment: Segment, done: int) -> float:
    """As the compiled loop counts it, which knows nothing of the segment's end, where its steps are equal."""
    return segment.start + done * segment.dt if segment.steps else simulation.time
