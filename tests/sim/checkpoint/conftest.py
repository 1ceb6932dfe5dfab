"""A store of checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.checkpoint.store import Store
from sim.team import Solo


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "checkpoints", Solo(), keep=2)
