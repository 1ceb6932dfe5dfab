"""Being told to stop: by a signal, or because time is running out."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from types import FrameType, TracebackType
from typing import Any

from sim.case.checkpoint import seconds_of_limit
from sim.subprocesses import run_bounded

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)

# mpirun passes on the signal that a terminal's Ctrl-C has sent to the ranks already: both are one wish.
_ECHO_SECONDS = 1.0

# Of the time that is left, what is not risked: a tenth of the limit, at most a minute.
_RESERVE, _LARGEST_RESERVE = 0.1, 60.0


class StopSignals:
    """Within it, the first SIGINT, SIGTERM or SIGUSR1 is a wish to stop; the second ends the process at once.

        with StopSignals(end) as signals:
            ...; if signals.wish: ...

    The signals are counted by a thread, which the kernel tells of them: it hears the second one even while the
    main thread waits for a rank that never answers.  Signals are the main thread's: elsewhere none is heard.
    """

    def __init__(self, end: Callable[[int], Any]) -> None:
        self.wish: str | None = None
        self._end = end
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            self._ear, self._mouth = os.pipe()
            os.set_blocking(self._mouth, False)
            self._wakeup = signal.set_wakeup_fd(self._mouth, warn_on_full_buffer=False)
            self._before = {number: signal.signal(number, _heard) for number in _SIGNALS}
            self._thread = threading.Thread(target=self._listen, name="signals", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._before:
            return
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._mouth)
        self._thread.join()
        os.close(self._ear)

    def _listen(self) -> None:
        """One byte a signal, until the pipe is closed."""
        first = 0.0
        while heard := os.read(self._ear, 1):
            if heard[0] not in self._before:
                continue
            if self.wish is None:
                self.wish, first = signal.Signals(heard[0]).name, time.monotonic()
            elif time.monotonic() - first > _ECHO_SECONDS:
                self._end(128 + heard[0])
                os._exit(128 + heard[0])


def _heard(number: int, frame: FrameType | None) -> None:
    """Python must have a handler for the kernel to write to the pipe."""


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
