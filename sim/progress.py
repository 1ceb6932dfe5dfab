"""How far the run is: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import sys
import time
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_SECONDS_BETWEEN_LINES = 5.0


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
    def __init__(self, steps: int, units: str) -> None:
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
        self._task = self._progress.add_task("run", total=steps, rate="compiling")
        self._progress.start()

    def update(self, steps: int, sim_time: float, cells_per_second: float) -> None:
        rate = f"t = {_time(sim_time, self._units)}  {cells_per_second:.3g} cells/s"
        self._progress.update(self._task, completed=steps, rate=rate)

    def close(self) -> None:
        self._progress.stop()


class Lines:
    def __init__(self, steps: int, units: str) -> None:
        self._total, self._units = steps, units
        self._begin = self._last = time.monotonic()

    def update(self, steps: int, sim_time: float, cells_per_second: float) -> None:
        now = time.monotonic()
        if now - self._last < _SECONDS_BETWEEN_LINES:
            return
        self._last = now
        left = (now - self._begin) * (self._total - steps) / max(steps, 1)
        print(
            f"step {steps:,} of {self._total:,}  t = {_time(sim_time, self._units)}  "
            f"{cells_per_second:.3g} cells/s  {left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )

    def close(self) -> None:
        pass


def reporter(quiet: bool, steps: int, units: str) -> Reporter:
    if quiet:
        return Silent()
    return Bar(steps, units) if sys.stderr.isatty() else Lines(steps, units)


def _time(value: float, units: str) -> str:
    return f"{value:.6g}" + ("" if units == "1" else f" {units}")
