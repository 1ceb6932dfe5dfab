"""Stopping because time is running out."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import datetime

from sim.case.checkpoint import seconds_of_limit
from sim.subprocesses import run_bounded

# Of the time that is left, what is not risked: a tenth of the limit, at most a minute.
_RESERVE, _LARGEST_RESERVE = 0.1, 60.0


class TimeLimit:
    """How long a run may go on: until `end`, by the clock of time.time(); None: as long as it takes."""

    def __init__(self, end: float | None, whole: float) -> None:
        self._end = end
        self._reserve = min(_LARGEST_RESERVE, _RESERVE * whole)

    @classmethod
    def of_run(cls, wanted: str | None, running: float, environment: Mapping[str, str] = os.environ) -> TimeLimit:
        """The limit asked for, of which `running` seconds have gone; else that of the SLURM job, where there is one."""
        now = time.time()
        if wanted is not None:
            whole = seconds_of_limit(wanted)
            return cls(now - running + whole, whole)
        end = _end_of_job(environment)
        return cls(end, 0.0 if end is None else max(0.0, end - now))

    def is_near(self, longest: float) -> bool:
        """Whether what takes up to `longest` seconds might not end in time."""
        return self._end is not None and time.time() + longest + self._reserve >= self._end


def _end_of_job(environment: Mapping[str, str]) -> float | None:
    """When SLURM will end this job, in seconds since 1970."""
    if (known := environment.get("SLURM_JOB_END_TIME", "")).isdecimal():
        return float(known)
    if not (job := environment.get("SLURM_JOB_ID", "")).isdecimal():
        return None
    shown = run_bounded(["scontrol", "show", "job", "--oneliner", job], timeout=30, env=environment)
    words = dict(word.partition("=")[::2] for word in shown.stdout.split())
    try:
        return datetime.fromisoformat(words.get("EndTime", "")).timestamp()
    except ValueError:
        return None  # no such job, or one without an end
