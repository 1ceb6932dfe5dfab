"""Processes that share a mark in their environment, whoever their parents are."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def living(mark: str) -> dict[int, str]:
    """Command lines of all processes whose environment holds the mark, by id."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and mark.encode() in (entry / "environ").read_bytes():
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # gone meanwhile
    return found


def end(mark: str) -> dict[int, str]:
    """Whoever is still there a moment after its parent; ended."""
    deadline = time.monotonic() + 5
    while living(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = living(mark)
    for pid in left:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return left
