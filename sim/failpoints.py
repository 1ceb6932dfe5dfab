"""Named instants at which a test can end the process as kill -9 would; elsewhere each is one comparison.

HALOSTEP_FAILPOINT="NAME", "NAME:N" or "NAME:N@RANK": die when the point is reached for the N-th time (on that rank).
"""

from __future__ import annotations

import os
import re
import signal
from typing import Literal, TypeAlias, get_args

from sim.launcher import launched

Failpoint: TypeAlias = Literal[
    "lock written",
    "file written",
    "file synced",
    "file renamed",
    "checkpoint begun",
    "block half written",
    "block written",
    "block synced",
    "blocks agreed",
    "checkpoint synced",
    "checkpoint renamed",
    "checkpoint published",
    "old checkpoint set aside",
    "old checkpoint removed",
    "chunk done",
    "snapshot written",
]
NAMES: tuple[str, ...] = get_args(Failpoint)

_VARIABLE = "HALOSTEP_FAILPOINT"


class _Armed:
    """The point at which to die, and how often it must still be reached."""

    def __init__(self, text: str) -> None:
        parts = re.fullmatch(r"([a-z ]+)(?::(\d+))?(?:@(\d+))?", text)
        if parts is None or parts[1] not in NAMES:
            raise ValueError(f"{_VARIABLE}={text!r}: known are {', '.join(NAMES)}, with :N and @RANK after them")
        launch = launched()
        self.name = parts[1]
        self.left = int(parts[2] or 1)
        if parts[3] is not None and int(parts[3]) != (launch.rank if launch else 0):
            self.left = 0  # never: counts down from here


_armed: _Armed | None = None


def arm(text: str | None) -> None:
    """Die where `text` says; None: nowhere."""
    global _armed
    _armed = _Armed(text) if text else None


def reach(name: Failpoint) -> None:
    """Declare that the instant `name` has come."""
    if _armed is not None and _armed.name == name:
        _armed.left -= 1
        if _armed.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


arm(os.environ.get(_VARIABLE))
