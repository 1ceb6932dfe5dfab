"""How a command says no."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from sim import cli

Capture = pytest.CaptureFixture[str]


def refused(arguments: Sequence[str], capsys: Capture) -> str:
    """The one message of a command that is refused, and leaves nothing behind."""
    before = set(Path().iterdir())
    assert cli.main(arguments) == cli.EXIT_USER_ERROR
    said = capsys.readouterr()
    assert not said.out and said.err.startswith("sim: error: ") and said.err.count("sim: error") == 1
    assert set(Path().iterdir()) == before
    return said.err
