"""How far the run is: a bar on a terminal, else a line every few seconds; and in a file, for other processes."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sim.output.durable import replace_quickly

_SECONDS_BETWEEN_LINES = 5.0
_SECONDS_BETWEEN_FILES = 2.0


class Reporter(Protocol):
    """Is told of every chunk; `close` is called once, whatever happens."""

    def update(self, steps: int, sim_time: float, cells_per_second: float) -> None: ...

    def close(self) -> None: ...


class Silent:
    def update(self, steps: int, sim_time: float, cells_per_second: float) -> None:
        pass

    def close(self) -> None:
        pass


class Bar:
    def __init__(self, steps: int, units: str, done: int) -> None:
        self._units = units
        self._progress = Progress(
            TextColumn("step {task.completed:,.0f}/{task.total:,.0f}"),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task("run", total=steps, completed=done, rate="compiling")
        self._progress.start()

    def update(self, steps: int, sim_time: float, cells_per_second: float) -> None:
        rate = f"t = {_time(sim_time, self._units)}  {cells_per_second:.3g} cells/s"
        self._progress.update(self._task, completed=steps, rate=rate)

    def close(self) -> None:
        self._progress.stop()


class Lines:
    def __init__(self, steps: int, units: str, done: int) -> None:
        self._total, self._units, self._done = steps, units, done
        self._begin = self._last = time.monotonic()

    def update(self, steps: int, sim_time: float, cells_per_second: float) -> None:
        now = time.monotonic()
        if now - self._last < _SECONDS_BETWEEN_LINES:
            return
        self._last = now
        left = (now - self._begin) * (self._total - steps) / max(steps - self._done, 1)
        print(
            f"step {steps:,} of {self._total:,}  t = {_time(sim_time, self._units)}  "
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

    def __init__(self, told: Reporter, path: Path, steps: int, end: float, done: int = 0) -> None:
        """steps and end: of the whole run, in steps and in its unit of time; done: steps taken before it."""
        self._told, self._path = told, path
        self._steps, self._done, self._begin = steps, done, time.monotonic()
        self._now: dict[str, int | float | None] = {"step": done, "steps": steps, "time": 0.0, "end": end}
        self._publish()

    def update(self, steps: int, sim_time: float, cells_per_second: float) -> None:
        self._told.update(steps, sim_time, cells_per_second)
        left = (time.monotonic() - self._begin) * (self._steps - steps) / max(steps - self._done, 1)
        self._now.update(step=steps, time=sim_time, cells_per_second=cells_per_second, seconds_left=left)
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


def reporter(quiet: bool, steps: int, units: str, done: int = 0) -> Reporter:
    """For a run of `steps` steps in all, of which `done` were taken before it."""
    if quiet:
        return Silent()
    return (Bar if sys.stderr.isatty() else Lines)(steps, units, done)


def _time(value: float, units: str) -> str:
    return f"{value:.6g}" + ("" if units == "1" else f" {units}")
