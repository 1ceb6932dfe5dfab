"""Names and texts of a case: what the files of a run can hold of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

# With the numbers of a block's first cell, and what a step adds, it is the name of a file of a checkpoint.
_FIELD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
# What stands beside the fields in results.h5 (`sim.output`): its scales, its VTK view, the files of its times.
_BESIDE = frozenset({"time", "step", "member", "VTKHDF"})
_OF_A_TIME = re.compile(r"snapshot_\d+")


def _check_text(text: str) -> str:
    for number, char in enumerate(text, 1):
        if char == "\0" or unicodedata.category(char) == "Cs":
            raise ValueError(f"character {number} is {char!a}, which files do not hold; leave it out")
    return text


# Part of a file name: nothing in it leads elsewhere.
Name: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
Text: TypeAlias = Annotated[str, AfterValidator(_check_text)]
"""What HDF5 holds as a text: no NUL, and no half of a pair of surrogates."""


def check_fields(fields: Sequence[str], taken: Iterable[str]) -> None:
    """Raise ValueError where files can't hold fields of these names; `taken`: what else is in them, of this case."""
    for name in fields:
        if _FIELD.fullmatch(name) is None:
            raise ValueError(
                f"equation: {name!r:.80} can't name a field: files hold names of up to 64 letters, digits and _; "
                f"choose another name"
            )
        if name in _BESIDE or name in taken or _OF_A_TIME.fullmatch(name):
            raise ValueError(
                f"equation: {name!r} can't name a field: files hold something else of that name; choose another name"
            )
    if len(set(fields)) < len(fields):
        raise ValueError(f"equation: fields {', '.join(fields)} hold a name twice; give each once")
