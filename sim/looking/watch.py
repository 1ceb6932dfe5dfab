"""`python -m sim watch DIR`: a running job, followed from another terminal."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sim.errors import SimError
from sim.looking import record
from sim.looking.info import COLOURS
from sim.looking.recorded import Run, read_run
from sim.looking.words import clean, count, duration, quantity

EXIT_NOT_COMPLETE = 1
_LARGEST_LOG = 64 << 20
_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 40


def watch(path: Path, interval: float) -> int:
    """Show how far the run is, again every `interval` seconds, until it is over.

    Lines instead, where stdout is no terminal.  Returns 0 where the run is complete, 1 where it has stopped
    otherwise.  Raises SimError where there is no run.
    """
    if not 0 < interval < math.inf:
        raise SimError(f"--interval takes a number of seconds above 0; got {interval}")
    run = read_run(path)
    run = _live(run, interval) if sys.stdout.isatty() else _lines(run, interval)
    return 0 if run.state == "complete" else EXIT_NOT_COMPLETE


def _live(run: Run, interval: float) -> Run:
    with Live(_panel(run), console=Console(highlight=False), auto_refresh=False) as live:
        while run.state == "running":
            time.sleep(interval)
            run = read_run(run.path)
            live.update(_panel(run), refresh=True)
    return run


def _lines(run: Run, interval: float) -> Run:
    said = _line(run)
    print(said, flush=True)
    while run.state == "running":
        time.sleep(interval)
        run = read_run(run.path)
        if (now := _line(run)) != said:
            print(said := now, flush=True)
    return run


def _line(run: Run) -> str:
    return "  ".join([run.state, *(said for _, said in _facts(run))])


def _facts(run: Run) -> list[tuple[str, str]]:
    """What is worth saying, as pairs of words; none of it changes while the run stands still."""
    found, units, progress = [], run.recording.time_units, run.progress
    if run.step is not None:
        of = f" of {progress.steps:,}" if progress and progress.steps is not None else ""
        share = f" ({run.fraction:.1%})" if run.fraction is not None else ""
        found.append(("step", f"step {run.step:,}{of}{share}"))
    if run.time is not None:
        found.append(("time", f"t = {quantity(run.time, units)}"))
    if run.state == "running" and progress and progress.cells_per_second:
        found.append(("speed", f"{progress.cells_per_second:.3g} cells/s"))
    if run.state == "running" and progress and progress.seconds_left is not None:
        found.append(("left", f"{duration(progress.seconds_left)} left"))
    found.append(("output", count(len(run.recording.frames), "snapshot")))
    if run.state == "silent":
        found.append(("silent", str(run.unheard)))
    if reason := run.record.error or run.record.stopped:
        found.append(("reason", clean(reason, 1000)))
    return found


def _panel(run: Run) -> Group:
    head = Text.assemble(
        (clean(run.record.case or run.recording.title or run.path.name), "bold"),
        "  ",
        (run.state, COLOURS.get(run.state, "yellow")),
    )
    table = Table.grid(padding=(0, 2))
    for key, said in _facts(run):
        table.add_row(Text(key, "dim"), Text(said))
    if run.state == "running" and run.silent is not None and run.silent > 10:
        table.add_row(Text("silent", "yellow"), Text(f"for {duration(run.silent)}: long chunks, or it hangs"))
    for name, values in _means(run).items():
        table.add_row(Text(name, "dim"), Text(f"mean {_sparkline(values)} {values[-1]:.6g}"))
    bar = Table.grid()
    bar.add_row(ProgressBar(1.0, run.fraction or 0.0, width=60))
    return Group(head, bar, table)


def _means(run: Run) -> dict[str, list[float]]:
    """By field, what --monitor has noted, where it was asked to; the last word on each snapshot counts."""
    found: dict[str, dict[Any, float]] = {}
    for line in record.read_lines(run.directory.monitor_lines, _LARGEST_LOG):
        fields, number = line.get("fields"), line.get("snapshot")
        for name, numbers in fields.items() if isinstance(fields, dict) and isinstance(number, int) else ():
            mean = numbers.get("mean") if isinstance(numbers, dict) else None
            if isinstance(mean, float):
                found.setdefault(clean(name, 40), {})[number] = mean
    return {name: [means[number] for number in sorted(means)] for name, means in found.items()}


def _sparkline(values: list[float]) -> str:
    shown = [value for value in values[-_WIDTH:] if math.isfinite(value)]
    low, high = min(shown, default=0.0), max(shown, default=0.0)
    span = (high - low) or 1.0
    return "".join(_BARS[min(int((value - low) / span * len(_BARS)), len(_BARS) - 1)] for value in shown)
