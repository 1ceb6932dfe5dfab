"""Everybody in turn, several times over: what disturbs one disturbs all."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sim.bench.contestants.halostep import Taken
from sim.bench.contestants.roster import Contestant
from sim.bench.work import Work
from sim.subprocesses import Finished, clean_environment, run_bounded

_SECONDS_PER_RUN = 600.0
# Who takes longer than this is not run again: what disturbs the fast hardly shows in it.
_SLOW = 5.0


@dataclass
class Entry:
    """What a contestant did on a work: what each round took, the most memory, or why there is nothing to tell.

    once: one round will do.
    """

    contestant: Contestant
    work: Work
    taken: list[Taken] = field(default_factory=list)
    peak_bytes: int = 0
    why: str = ""
    once: bool = False

    @property
    def seconds(self) -> list[float]:
        return [taken.seconds for taken in self.taken]

    @property
    def median(self) -> float | None:
        """Seconds of the median round."""
        return statistics.median(self.seconds) if self.taken and not self.why else None

    @property
    def teff(self) -> float | None:
        """GB/s, of the median round."""
        return None if self.median is None else self.work.teff(self.median)

    @property
    def writing(self) -> float:
        """The share of the time that outputs took, of the median round."""
        return statistics.median(taken.writing / taken.seconds for taken in self.taken) if self.taken else 0.0

    def faster_than(self, other: Entry) -> float | None:
        """By how much more cells a second, the median of the rounds; of rounds that are not both there, of medians."""
        own, others = ([s.work.gigacells(seconds) for seconds in s.seconds] for s in (self, other))
        if not own or not others or self.why or other.why:
            return None
        if len(own) != len(others):
            return statistics.median(own) / statistics.median(others)
        return statistics.median(a / b for a, b in zip(own, others, strict=True))

    @property
    def error(self) -> float:
        """The largest of all rounds."""
        return max((taken.error for taken in self.taken), default=0.0)

    @property
    def right(self) -> bool:
        return self.error <= self.work.tolerance

    @property
    def failed(self) -> bool:
        """Whether it took part, and gave no answer or a wrong one."""
        return self.why.startswith(_FAILED) or not self.right


_FAILED = "failed: "


def enrolled(contestants: Sequence[Contestant], work: Work, once: bool = False) -> list[Entry]:
    """Contestants before they have done anything on a work, or why they can't."""
    return [Entry(c, c.share_of(work), why=c.absent(work), once=once) for c in contestants]


def run_in_turn(entries: Sequence[Entry], rounds: int, tell: Callable[[str], None]) -> None:
    """Run all `rounds` times over, in turn.  One that fails, or is slow, takes no further part."""
    with TemporaryDirectory(prefix="sim-bench-") as folder:
        for number in range(rounds):
            for entry in entries:
                done = entry.why or (number and entry.once) or max(entry.seconds, default=0.0) >= _SLOW
                if not done:
                    tell(f"round {number + 1} of {rounds}: {entry.work.name}: {entry.contestant.name}")
                    _run(entry, Path(folder))


def _run(entry: Entry, folder: Path) -> None:
    command = entry.contestant.command(entry.work, folder)
    done = run_bounded(command, _SECONDS_PER_RUN, clean_environment(), cwd=folder)
    if done.returncode != 0 or done.timed_out:
        entry.why = _FAILED + done.complaint()
        return
    try:
        entry.taken.append(entry.contestant.read(entry.work, _last_object(done)))
    except (ValueError, LookupError, TypeError) as error:
        entry.why = f"{_FAILED}its answer can't be read: {error}"
    entry.peak_bytes = max(entry.peak_bytes, done.peak_bytes * entry.contestant.processes)


def _last_object(done: Finished) -> Any:
    return json.loads((done.stdout.strip().splitlines() or [""])[-1])
