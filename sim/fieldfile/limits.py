"""How much a file may make us hold: a few bytes on disk can stand for very many in memory."""

from __future__ import annotations

import os

from sim.fieldfile.layout import FieldFileError

# Arrays looked at in one file, and bytes of the text that describes one: numpy's own limit.
MOST_ARRAYS = 10_000
LONGEST_HEADER = 10_000
_VARIABLE = "SIM_FIELD_LIMIT_MIB"
_MIB = 256


def check_piece(size: int, what: str) -> None:
    """Refuse what can only be unpacked as a whole, a chunk or a row of `size` bytes, where that is too much."""
    try:
        limit = int(given := os.environ.get(_VARIABLE, str(_MIB)))
    except ValueError:
        limit = 0
    if limit < 1:
        raise FieldFileError(f"{_VARIABLE} is a whole number of MiB above 0; got {given!r:.40}")
    if size > limit << 20:
        fact = f"{what} comes in pieces of {size >> 20} MiB, more than {limit}"
        raise FieldFileError(f"{fact}; store it in smaller ones, or set {_VARIABLE}")
