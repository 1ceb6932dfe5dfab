"""What the monitor hands to its notebook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Look:
    """A snapshot that is on disk, `elapsed` seconds after the run began."""

    number: int
    step: int
    path: Path
    elapsed: float
