"""`--monitor`: a picture and a line of JSON an output, made while the run goes."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.looking.look import Look
from sim.output.rundir import RunDirectory

_SECONDS_FOR_THE_LAST = 20.0


class Monitor:
    """Looks at snapshots in a thread of its own: the run goes on meanwhile.

    A picture that isn't done when the next snapshots come is followed by that of the last of them.  Whatever goes
    wrong is a warning, once, and the end of the looking, not of the run.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory
        self._begin = time.monotonic()
        self._looks: queue.SimpleQueue[Look | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._watch, name="monitor", daemon=True)
        self._thread.start()

    def look(self, number: int, step: int, path: Path) -> None:
        """A snapshot has been written; returns at once."""
        self._looks.put(Look(number, step, path, time.monotonic() - self._begin))

    def close(self) -> None:
        """Let it finish what it has, but not for long."""
        self._looks.put(None)
        self._thread.join(_SECONDS_FOR_THE_LAST)

    def _watch(self) -> None:
        try:
            # Here: the run doesn't wait for Matplotlib either.
            from sim.looking.notebook import Notebook
            from sim.output.series import OPEN_FILES

            notebook = Notebook(self._directory)
            for look in iter(self._looks.get, None):
                with OPEN_FILES:
                    notebook.note(look)
                if self._looks.empty():
                    notebook.draw()
            notebook.draw()
        # Anything: it is the run that matters.
        except Exception as error:
            print(f"sim: warning: --monitor has stopped, the run goes on: {error}", file=sys.stderr, flush=True)


@contextmanager
def monitoring(directory: RunDirectory, wanted: bool) -> Iterator[Monitor | None]:
    monitor = Monitor(directory) if wanted else None
    try:
        yield monitor
    finally:
        if monitor:
            monitor.close()
