"""How far the run is: a bar on a terminal, else a line every few seconds; and in a file, for other processes."""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sim.output.durable import replace_quickly

_SECONDS_BETWEEN_LINES = 5.0
_SECONDS_BETWEEN_FILES = 2.0
# Of a bar, which counts in whole numbers.
_PARTS = 1_000_000


class Place(NamedTuple):
    """How far a run is: steps taken, and the time in its own unit."""

    step: int
    time: float


class Goal(NamedTuple):
    """Where a run ends: after so many steps in all, None where that will be seen; and at what time."""

    steps: int | None
    end: float

    def share(self, place: Place) -> float:
        """How much of the way is behind, from 0 to 1."""
        done, whole = (place.time, self.end) if self.steps is None else (place.step, self.steps)
        return done / whole if whole else 1.0

    def left(self, place: Place, begin: Place, seconds: float) -> float:
        """Seconds to the end, where it has taken so many since the beginning."""
        behind = self.share(place) - self.share(begin)
        return seconds * (1.0 - self.share(place)) / behind if behind > 0 else math.inf

    def said(self, step: int) -> str:
        return f"step {step:,}" + ("" if self.steps is None else f" of {self.steps:,}")


class Reporter(Protocol):
    """Is told of every chunk; `close` is called once, whatever happens."""

    def update(self, place: Place, cells_per_second: float) -> None: ...

    def close(self) -> None: ...


class Silent:
    def update(self, place: Place, cells_per_second: float) -> None:
        pass

    def close(self) -> None:
        pass


class Bar:
    def __init__(self, goal: Goal, units: str, begin: Place) -> None:
        self._goal, self._units = goal, units
        self._progress = Progress(
            TextColumn("{task.fields[step]}"),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        said, share = goal.said(begin.step), int(_PARTS * goal.share(begin))
        self._task = self._progress.add_task("run", total=_PARTS, completed=share, step=said, rate="compiling")
        self._progress.start()

    def update(self, place: Place, cells_per_second: float) -> None:
        rate = f"t = {_time(place.time, self._units)}  {cells_per_second:.3g} cells/s"
        said, share = self._goal.said(place.step), int(_PARTS * self._goal.share(place))
        self._progress.update(self._task, completed=share, step=said, rate=rate)

    def close(self) -> None:
        self._progress.stop()


class Lines:
    def __init__(self, goal: Goal, units: str, begin: Place) -> None:
        self._goal, self._units, self._from = goal, units, begin
        self._begin = self._last = time.monotonic()

    def update(self, place: Place, cells_per_second: float) -> None:
        now = time.monotonic()
        if now - self._last < _SECONDS_BETWEEN_LINES:
            return
        self._last = now
        left = self._goal.left(place, self._from, now - self._begin)
        print(
            f"{self._goal.said(place.step)}  t = {_time(place.time, self._units)}  "
            f"{cells_per_second:.3g} cells/s  {left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )

    def close(self) -> None:
        pass


class Published:
    """Passes on what it is told, and keeps the last of it in a file, replaced at once: progress.json.

    Where that can't be written the run goes on: what matters is said by whoever writes the snapshots.
    """

    def __init__(self, told: Reporter, path: Path, goal: Goal, begin: Place) -> None:
        self._told, self._path, self._goal = told, path, goal
        self._from, self._begin = begin, time.monotonic()
        self._now: dict[str, int | float | None] = {**begin._asdict(), **goal._asdict()}
        self._publish()

    def update(self, place: Place, cells_per_second: float) -> None:
        self._told.update(place, cells_per_second)
        left = self._goal.left(place, self._from, time.monotonic() - self._begin)
        seconds_left = left if math.isfinite(left) else None
        self._now.update(**place._asdict(), cells_per_second=cells_per_second, seconds_left=seconds_left)
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_FILES:
            self._publish()

    def close(self) -> None:
        self._publish()
        self._told.close()

    def _publish(self) -> None:
        self._last = time.monotonic()
        who = {"host": socket.gethostname(), "pid": os.getpid()}
        written = datetime.now(UTC).isoformat(timespec="milliseconds")
        with contextlib.suppress(OSError):
            replace_quickly(self._path, json.dumps({**self._now, **who, "written": written}).encode() + b"\n")


def reporter(quiet: bool, goal: Goal, units: str, begin: Place) -> Reporter:
    """For a run that is taken up at `begin`."""
    if quiet:
        return Silent()
    return (Bar if sys.stderr.isatty() else Lines)(goal, units, begin)


def _time(value: float, units: str) -> str:
    return f"{value:.6g}" + ("" if units == "1" else f" {units}")
