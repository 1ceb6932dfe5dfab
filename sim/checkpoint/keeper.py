"""When a run is checkpointed and when it stops: settled after every chunk, alike on all ranks."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sim.case import CheckpointTable
from sim.stopping import TimeLimit
from sim.team import Team

_NO_END = 2**53


@dataclass(frozen=True)
class Verdict:
    """What all ranks do after a chunk: how long the slowest took for it, is a checkpoint due, and why to stop."""

    slowest: float
    due: bool
    stop: str | None


class Keeper:
    """Keeps the time between checkpoints, and before the end that is set to the run."""

    def __init__(self, table: CheckpointTable, team: Team, limit: TimeLimit, step: int) -> None:
        self._table, self._team, self._limit = table, team, limit
        self._saved_at = time.monotonic()
        self._longest = 0.0  # seconds that anything between two verdicts has taken
        self._asked_at = self._saved_at
        self.saved_step: int | None = step or None

    def steps_left(self, step: int) -> int:
        """Steps to the next checkpoint that is due by their number."""
        every = self._table.every_steps
        return _NO_END if every is None else every - step % every

    def confer(self, seconds: float, step: int, wish: str | None) -> Verdict:
        """All ranks say how long their chunk took, and whether somebody wished them to stop.  Collective.

        A signal may reach only some of them, and their clocks differ: the first to wish for a stop has it.
        """
        now = time.monotonic()
        self._longest, self._asked_at = max(self._longest, now - self._asked_at), now
        if wish is None and self._limit.is_near(2 * self._longest):
            wish = "the time limit"
        answers = self._team.gather([seconds, self._is_due(step, now), wish])
        stop = next((wished for _, _, wished in answers if wished is not None), None)
        return Verdict(max(answer[0] for answer in answers), answers[0][1] or stop is not None, stop)

    def saved(self, step: int) -> None:
        self.saved_step, self._saved_at = step, time.monotonic()

    def _is_due(self, step: int, now: float) -> bool:
        if self._table.every_steps is not None:
            return step % self._table.every_steps == 0
        every = self._table.every_seconds
        return every is not None and now - self._saved_at >= every
