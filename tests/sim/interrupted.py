"""Runs that end before their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
