"""Runs that end before their end, and what they leave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

from sim import loop


class KilledError(BaseException):
    """Passes through everything, like a kill; files that a kill leaves are another test's."""


def interrupted(action: Callable[[], Any], chunks: int) -> None:
    """Run it until it has taken so many chunks."""
    left = [chunks]

    def reach(name: str) -> None:
        left[0] -= name == "chunk done"
        if left[0] == 0:
            raise KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "reach", reach)
        with pytest.raises(KilledError):
            action()


def files(folder: str | Path) -> dict[str, bytes]:
    """Snapshots as they are; of results.h5, which also says how the run was made, what it holds."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("[0-9]*.h5")}
    with h5py.File(Path(folder) / "results.h5") as file:
        return found | {name: file[name][...].tobytes() for name in ("u", "time", "step")}
