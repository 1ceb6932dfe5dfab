"""Everybody in turn, several times over: what disturbs one disturbs all."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from sim.bench.contestants.roster import Contestant
from sim.bench.work import Work
from sim.subprocesses import Finished, clean_environment, run_bounded

_SECONDS_PER_RUN = 900.0
# Who takes longer than this is not run again: what disturbs the fast hardly shows in it.
_SLOW = 5.0


@dataclass
class Standing:
    """What a contestant did on a work: seconds of each round, the largest error, or why there are none."""

    contestant: Contestant
    work: Work
    seconds: list[float] = field(default_factory=list)
    error: float = 0.0
    why: str = ""

    @property
    def teff(self) -> float | None:
        """GB/s, of the median round."""
        return self.work.teff(statistics.median(self.seconds)) if self.seconds and not self.why else None

    @property
    def right(self) -> bool:
        return self.error <= self.work.tolerance


def measure(contestants: Sequence[Contestant], work: Work, rounds: int, tell: Callable[[str], None]) -> list[Standing]:
    """Run all contestants `rounds` times over, in turn.  One that fails, or is slow, takes no further part."""
    standings = [Standing(contestant, work, why=contestant.absent) for contestant in contestants]
    with TemporaryDirectory(prefix="sim-bench-") as folder:
        for number in range(rounds):
            for standing in standings:
                if not standing.why and max(standing.seconds, default=0.0) < _SLOW:
                    tell(f"{work.name}, round {number + 1} of {rounds}: {standing.contestant.name}")
                    _run(standing, Path(folder))
    return standings


def _run(standing: Standing, folder: Path) -> None:
    command = standing.contestant.command(standing.work, folder)
    done = run_bounded(command, _SECONDS_PER_RUN, clean_environment(), cwd=folder)
    try:
        seconds, error = standing.contestant.read(_last_object(done))
    except (ValueError, LookupError, TypeError):
        standing.why = f"failed: {done.complaint()}"
        return
    standing.seconds.append(seconds)
    standing.error = max(standing.error, error)


def _last_object(done: Finished) -> object:
    if done.returncode != 0:
        raise ValueError("it failed")
    return json.loads(done.stdout.strip().splitlines()[-1])
