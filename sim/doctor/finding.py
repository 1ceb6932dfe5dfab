"""What the doctor has to say of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["ok", "note", "missing", "broken"]
"""missing: not installed, which only some transports mind.  broken: is there, or was asked for, and doesn't work."""


@dataclass(frozen=True)
class Finding:
    """A fact about `what`, and, where it is not as it could be, what to do."""

    what: str
    state: State
    fact: str
    remedy: str = ""
