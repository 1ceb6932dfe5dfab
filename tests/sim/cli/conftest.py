"""A case to give to commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim import casefile

Small = Callable[..., dict[str, Any]]


@pytest.fixture
def case(small: Small) -> str:
    """A case that runs in no time, in a file."""
    Path("small.toml").write_text(casefile.to_toml(casefile.load(small())))
    return "small.toml"
