"""When a run steps and when it writes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sim.case import TimeTable
from sim.errors import SimError

# Steps are counted in int64 and their number is held in a float; beyond this a run would never end anyway.
_MOST_STEPS = 2**53
# Each output is a file.
_MOST_OUTPUTS = 1_000_000


@dataclass(frozen=True)
class Segment:
    """The time between two outputs, hit exactly by `steps` equal steps of `dt`."""

    start: float
    stop: float
    steps: int

    @property
    def dt(self) -> float:
        return (self.stop - self.start) / self.steps


def step_limit(table: TimeTable, stable: float) -> float:
    """The largest step allowed: the one given, or the stable one times the safety factor.

    Raises SimError for a given step beyond the stable one.
    """
    if table.step is None:
        return stable * table.safety
    if table.step > stable * (1 + 1e-12):
        raise SimError(
            f"time.step = {table.step:g} is unstable: forward Euler on this grid allows at most {stable:.6g}; "
            f"leave time.step out for {table.safety:g} times that, or coarsen the grid"
        )
    return table.step


def output_times(end: float, every: float | None) -> Iterator[float]:
    """0, the multiples of `every`, and the end, each once."""
    yield 0.0
    if every is not None:
        # A last interval shorter than a billionth of the others is rounding, not an interval.
        whole = math.ceil(end / every * (1 - 1e-9)) - 1
        yield from (i * every for i in range(1, whole + 1))
    if end > 0:
        yield end


def segments(end: float, every: float | None, limit: float) -> Iterator[Segment]:
    """The run, output to output.  Raises SimError where the number of steps makes no sense."""
    if every is not None and end / every > _MOST_OUTPUTS:
        raise SimError(
            f"output.every = {every:g} up to t = {end:g} asks for {end / every:.3g} outputs, of at most "
            f"{_MOST_OUTPUTS:,}; write less often"
        )
    start = 0.0
    for number, stop in enumerate(output_times(end, every)):
        if number > 0:
            # A step that fits but for rounding fits.
            count = (stop - start) / limit * (1 - 1e-12)
            if count > _MOST_STEPS:
                raise SimError(
                    f"from t = {start:g} to {stop:g} the run would take {count:.3g} steps of {limit:g}; "
                    f"coarsen the grid, or end sooner"
                )
            yield Segment(start, stop, max(1, math.ceil(count)))
        start = stop
