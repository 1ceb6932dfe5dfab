"""The standard streams: one that is closed takes anything, and output says of itself when it can't be written."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sim.errors import SimError

_SECONDS_TO_FLUSH = 1.0


def open_closed_streams() -> None:
    """Have each standard stream that was closed be a null one.

    By its descriptor, too, the lowest that is free: the next file that is opened would have it, and be written into by
    whatever library complains.  Programs that are started inherit it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(descriptor, True)
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", errors="backslashreplace"))


def flush() -> None:
    """Have what was printed be heard before the process ends without Python's end.

    Not for ever: another thread may be writing to who doesn't read.
    """

    def flushed() -> None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()

    thread = threading.Thread(target=flushed, name="flush", daemon=True)
    thread.start()
    thread.join(_SECONDS_TO_FLUSH)


class UnheardError(Exception):
    """Who reads standard output has left.  No BrokenPipeError: of that a library that prints might make its own end."""


class Spoken(io.TextIOWrapper):
    """What a full disk behind it, or a reader who has left, makes of it is not taken for an error of another file.

    Raises SimError, or UnheardError; from then on what is written goes nowhere, so that Python's own flush at exit
    does not complain once more.  Characters that a terminal's encoding lacks are written by number, as on stderr.
    """

    @classmethod
    def instead_of(cls, stream: io.TextIOWrapper) -> Spoken:
        encoding, lines = stream.encoding, stream.line_buffering
        errors = "backslashreplace" if stream.errors == "strict" else stream.errors
        return cls(stream.detach(), encoding=encoding, errors=errors, line_buffering=lines)

    def write(self, text: str, /) -> int:
        with self._heard():
            return super().write(text)

    def flush(self) -> None:
        with self._heard():
            super().flush()

    @contextmanager
    def _heard(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            if isinstance(error, BrokenPipeError):
                raise UnheardError from None
            raise SimError(f"standard output can't be written: {error.strerror}; what was done is done") from None
