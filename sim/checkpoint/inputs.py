"""The files that a case reads: part of what it is, though not of its text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sim.case import Case, FileSource
from sim.errors import SimError
from sim.fieldfile.layout import FieldFileError
from sim.fieldfile.place import resolve

# The initial fields, and those of an ensemble's members.
_REPLACED = ("initial.", "ensemble.vary.initial.")


def digests(case: Case) -> dict[str, str]:
    """SHA-256 of each file that the run reads again when it goes on, by the key that names it.

    Not of the initial fields', which the checkpoint replaces.  Raises SimError where one can't be read.
    """
    found = {}
    for key, source in _sources(case):
        if not key.startswith(_REPLACED):
            try:
                with resolve(Path(source.file), source.package, case.base).open("rb") as stream:
                    found[key] = hashlib.file_digest(stream, "sha256").hexdigest()
            except OSError as error:
                raise SimError(f"{key}: {source.file} can't be read: {error.strerror}") from None
            except FieldFileError as error:
                raise SimError(f"{key}: {error}") from None
    return found


def check(before: Mapping[str, str], case: Case) -> None:
    """Raise SimError where a file is not what it was when the run began."""
    now = digests(case)
    if changed := [key for key in now if before.get(key) != now[key]]:
        raise SimError(
            f"the file of {', '.join(changed)} is not the one that the run began with; "
            f"put that one back, or start another run"
        )


def _sources(value: Any, key: str = "") -> Iterator[tuple[str, FileSource]]:
    """All of them in a value of the case, however deep in its tables and lists, with their keys."""
    if isinstance(value, FileSource):
        yield key, value
        return
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, BaseModel):
        inner = value
    elif isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    for name, one in inner:
        yield from _sources(one, f"{key}.{name}" if key else str(name))
