"""When a run steps and when it writes."""

from __future__ import annotations

import bisect
import heapq
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sim.case import Case, TimeTable
from sim.errors import SimError

# Steps are counted in int64 and their number is held in a float; beyond this a run would never end anyway.
_MOST_STEPS = 2**53
# Each output is a file.
MOST_OUTPUTS = 1_000_000
# Times nearer than this part of an interval differ by rounding alone.
_SAME = 1e-9


@dataclass(frozen=True)
class Segment:
    """The time between two outputs, hit exactly by `steps` equal steps of `dt`; 0: by what their errors ask for."""

    start: float
    stop: float
    steps: int

    @property
    def dt(self) -> float:
        return (self.stop - self.start) / self.steps

    def at(self, done: int, time: float) -> Position:
        """Where `done` steps have led, to this time."""
        return Position(self, done) if self.steps else Position(self, 0, time)

    @property
    def begin(self) -> Position:
        return self.at(0, self.start)

    @property
    def end(self) -> Position:
        return self.at(self.steps, self.stop)


@dataclass(frozen=True)
class Position:
    """A place on the way: `done` equal steps into a segment, or at a time that others have `reached`."""

    segment: Segment
    done: int
    reached: float | None = None

    @property
    def time(self) -> float:
        segment = self.segment
        if self.reached is not None:
            return self.reached
        return segment.stop if self.done == segment.steps else segment.start + self.done * segment.dt

    @property
    def arrived(self) -> bool:
        return self == self.segment.end

    @property
    def left(self) -> int:
        """Steps to the end of the segment, at most."""
        return self.segment.steps - self.done if self.segment.steps else _MOST_STEPS


@dataclass(frozen=True)
class Plan:
    """What is still to do: segments, of whose first one `done` steps have been taken, or the time `reached`."""

    segments: tuple[Segment, ...]
    done: int = 0
    reached: float | None = None

    @property
    def steps(self) -> int | None:
        """How many; None where that will be seen."""
        if not all(segment.steps for segment in self.segments):
            return None
        return sum(segment.steps for segment in self.segments) - self.done

    def legs(self) -> Iterator[Position]:
        """Each segment, from where it is to be taken on."""
        for number, segment in enumerate(self.segments):
            begun = number == 0 and (self.done or self.reached is not None)
            yield Position(segment, self.done, self.reached) if begun else segment.begin


def plan_of(case: Case, stable: float, at: Position | None = None) -> Plan:
    """What a case whose stable step is so long has to do, all of it or from a position on.  Raises like `plan`, and
    like `limit_of`."""
    every, more = (None, ()) if case.time.steady else (case.output.every, case.output.extra_intervals)
    return plan(case.time.end, every, limit_of(case, stable), *more, at=at, stops=stops_of(case))


def limit_of(case: Case, stable: float) -> float | None:
    """The longest step of a case; None: as long as errors allow.  Raises like `step_limit`."""
    if case.time.steady:
        # One, to the state that belongs to the end.
        return math.inf
    return None if case.time.adaptive else step_limit(case.time, stable)


def stops_of(case: Case) -> list[float]:
    """What acts at given times does so then, not at the end of the step around it, which may be long."""
    return [] if case.time.steady else [time for region in case.regions for time in region.times]


def plan(
    end: float,
    every: float | None,
    limit: float | None,
    *more: float,
    at: Position | None = None,
    stops: Sequence[float] = (),
) -> Plan:
    """The whole run, or what is left of it from a position on.

    Where the outputs around the position are still the same, so are the steps: the run goes on as if it had never
    stopped.  Where they are not, it takes steps of a new length from there to the next output.
    `limit`: the longest step; None: that follows from their errors.  `stops`: times that no step may pass over.
    Raises SimError where the number of steps makes no sense, or the end is past.
    """
    whole = tuple(segments(end, every, limit, *more, stops=stops))
    if at is None:
        return Plan(whole)
    if end < at.time:
        raise SimError(f"time.end = {end:g} lies before t = {at.time:g}, where the run stands; give a later one")
    if at.segment not in whole:
        return Plan(tuple(segments(end, every, limit, *more, start=at.time, stops=stops)))
    number = whole.index(at.segment)
    return Plan(whole[number + 1 :]) if at.arrived else Plan(whole[number:], at.done, at.reached)


def step_limit(table: TimeTable, stable: float) -> float:
    """The largest step allowed: the one given, or the stable one times the safety factor.

    Raises SimError for a given step beyond the stable one.
    """
    if stable == 0.0:
        raise SimError(
            f"{table.integrator} has no stable step for this equation, in which something travels or swings; "
            f'use time.integrator = "ssprk3" or "rk4"'
        )
    if table.step is None:
        return stable * table.safety
    if table.step > stable * (1 + 1e-12):
        raise SimError(
            f"time.step = {table.step:g} is unstable: {table.integrator} on this grid allows at most {stable:.6g}; "
            f"leave time.step out for {table.safety:g} times that, or coarsen the grid"
        )
    return table.step


def output_times(end: float, *intervals: float | None) -> Iterator[float]:
    """The outputs at each of some intervals, in order; those of several at (nearly) one time once."""
    nearest = min(_lengths(end, intervals))
    last = -math.inf
    for time in heapq.merge(*(_times(end, every) for every in intervals)):
        if time - last > _SAME * nearest:
            yield time
            last = time


def _times(end: float, every: float | None) -> Iterator[float]:
    """0, the multiples of `every`, and the end, each once."""
    yield 0.0
    if every is not None:
        # A last interval shorter than a billionth of the others is rounding, not an interval.
        whole = math.ceil(end / every * (1 - _SAME)) - 1
        yield from (i * every for i in range(1, whole + 1))
    if end > 0:
        yield end


def is_output_time(time: float, end: float, every: float | None) -> bool:
    """Whether a time of `output_times` is one for this interval."""
    if every is None:
        return time in (0.0, end)
    # An interval may be longer than any run; and what was written is told from the times alone, for a run may go on.
    return time == end or abs(time - round(time / every) * every) <= _SAME * min(every, time)


def _lengths(end: float, intervals: Sequence[float | None]) -> list[float]:
    """How long intervals are within a run; without any, the run itself."""
    return [min(every, end) for every in intervals if every is not None] or [end]


def segments(
    end: float,
    every: float | None,
    limit: float | None,
    *more: float,
    start: float = 0.0,
    stops: Sequence[float] = (),
) -> Iterator[Segment]:
    """The run from `start` on, output to output, of those at `every` and at `more` intervals, and cut at `stops`.

    `limit`: the longest step; None: that follows from their errors.
    Raises SimError where the number of steps makes no sense.
    """
    if limit is not None:
        _check_count(end, limit, _MOST_STEPS, "steps", "coarsen the grid, or end sooner")
    for interval in (every, *more):
        if interval is not None:
            _check_count(end, interval, MOST_OUTPUTS, "output.every", "write less often")
    # An output no more than rounding away from the start has been written.
    lengths = _lengths(end, (every, *more))
    slack = _SAME * min(lengths) if start > 0 else 0.0
    moments = sorted(set(stops))
    # So near to an output's time any is taken for it (`is_output_time`).
    near = _SAME * max(lengths)
    for stop in output_times(end, every, *more):
        if stop > start + slack:
            within = _between(start, stop, moments, near)
            for begin, until in itertools.pairwise([start, *within, stop]):
                yield Segment(begin, until, 0 if limit is None else _count(until - begin, limit))
            start = stop


def _between(start: float, stop: float, times: Sequence[float], slack: float) -> Sequence[float]:
    """Those of some times, in order, that lie between two others and are neither of them but for the slack."""
    return times[bisect.bisect_right(times, start + slack) : bisect.bisect_left(times, stop - slack)]


def _count(length: float, limit: float) -> int:
    # A step that fits but for rounding fits.
    return max(1, math.ceil(length / limit * (1 - 1e-12)))


def _check_count(end: float, interval: float, most: int, what: str, remedy: str) -> None:
    # Multiplied, not divided: an interval may be zero by underflow.
    if end > interval * most:
        raise SimError(f"{what}: up to t = {end:g} at intervals of {interval:g} is more than {most:,} times; {remedy}")
