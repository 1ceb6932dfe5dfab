"""Work in a second thread while the first computes."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sim.errors import SimError


class Background:
    """One piece of work, begun at once; whoever asks for its end gets its SimError."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._error: BaseException | None = None
        # A daemon: where the program ends early, what isn't published is not worth waiting for.
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # to be raised where somebody can act on it
            self._error = error

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def finish(self) -> None:
        """Wait for it.  Raises what it raised: SimError for what is the user's to mend."""
        self._thread.join()
        if self._error is not None:
            if isinstance(self._error, SimError):
                raise SimError(str(self._error)) from None
            raise self._error
