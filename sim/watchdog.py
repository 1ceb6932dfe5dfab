"""A run that stands still is ended, and says where."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
from collections.abc import Callable
from types import TracebackType

EXIT_HUNG = 3
_SECONDS_FOR_OTHERS = 5.0


class Watchdog:
    """Ends the whole run if it is not patted for `seconds`.

        with Watchdog(600, lambda: "step 12") as dog:
            ...; dog.pat()

    Each rank has one.  The first thing it does is to say where its rank stands and to print all of its stacks;
    it waits for the others to say the same, and then ends all.  0 seconds: never.
    """

    def __init__(self, seconds: float, rank: int, where: Callable[[], str], end: Callable[[int], None]) -> None:
        self._seconds, self._rank, self._where, self._end = seconds, rank, where, end
        self._patted = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        if self._seconds > 0:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = True
        self.pat()
        if self._seconds > 0:
            self._thread.join()

    def pat(self) -> None:
        """The run is getting on."""
        self._patted.set()

    def _watch(self) -> None:
        while not self._stopped:
            if not self._patted.wait(self._seconds):
                self._bark()
            self._patted.clear()

    def _bark(self) -> None:
        print(
            f"sim: error: rank {self._rank} has got no further for {self._seconds:g} s: {self._where()}; "
            f"raise --watchdog if a chunk may take that long",
            file=sys.stderr,
            flush=True,
        )
        faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
        sys.stderr.flush()
        # The other ranks are due to bark too; ending them now would silence them.
        threading.Event().wait(_SECONDS_FOR_OTHERS)
        self._end(EXIT_HUNG)
        os._exit(EXIT_HUNG)
