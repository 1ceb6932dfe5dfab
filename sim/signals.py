"""Signals by which a process is told to stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, ClassVar

from sim.launcher import is_speaker
from sim.membership import abort

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)

# mpirun passes on the signal that a terminal's Ctrl-C has sent to the ranks already: both are one wish.
_ECHO_SECONDS = 1.0


class StopSignals:
    """Within it, the first SIGINT, SIGTERM or SIGUSR1 is a wish to stop; the second ends all processes at once.

        with StopSignals() as signals:
            ...; if signals.wish: ...

    The signals are counted by a thread, which the kernel tells of them: it hears the second one even while the
    main thread waits for a rank that never answers.  Signals are the main thread's: elsewhere none is heard.
    A process has one ear: within another StopSignals it is that one's, and so is what that has heard before.

    `prompt`: whether a wish is fulfilled within a moment; one that will be kept waiting is answered at once.
    """

    _ear: ClassVar[StopSignals | None] = None

    def __init__(self, end: Callable[[int], Any] = abort) -> None:
        self.wish: str | None = None
        self.prompt = False
        self._end = end
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        if StopSignals._ear is not None:
            return StopSignals._ear
        if threading.current_thread() is threading.main_thread():
            self._listening, self._told = os.pipe()
            os.set_blocking(self._told, False)
            self._wakeup = signal.set_wakeup_fd(self._told, warn_on_full_buffer=False)
            self._before = {number: signal.signal(number, _heard) for number in _SIGNALS}
            self._thread = threading.Thread(target=self._listen, name="signals", daemon=True)
            self._thread.start()
            StopSignals._ear = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if StopSignals._ear is not self:
            return
        StopSignals._ear = None
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._told)
        self._thread.join()
        os.close(self._listening)

    def _listen(self) -> None:
        """One byte a signal, until the pipe is closed."""
        first = 0.0
        while heard := os.read(self._listening, 1):
            if heard[0] not in _SIGNALS:
                continue
            if self.wish is None:
                self.wish, first = signal.Signals(heard[0]).name, time.monotonic()
                self._answer()
            elif time.monotonic() - first > _ECHO_SECONDS:
                self._end(128 + heard[0])
                os._exit(128 + heard[0])

    def _answer(self) -> None:
        if not self.prompt and is_speaker():
            what = "the run is being set up and stops, with a checkpoint, at its first steps; a second one ends it now"
            print(f"sim: note: {self.wish}: {what}", file=sys.stderr, flush=True)


def _heard(number: int, frame: FrameType | None) -> None:
    """Python must have a handler for the kernel to write to the pipe."""
