"""Runs that the program has made."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sim
from tests.sim.looking.runs import AMPLE

Small = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def original(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "small"
    sim.run(small(output__units="degC", output__time_units="s", title="A <b>small</b> case"), output=path)
    return path


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    """A run directory of its own, to be broken."""
    return Path(shutil.copytree(original, tmp_path / "run"))


@pytest.fixture(scope="session")
def ample(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with further outputs, probes and a checkpoint."""
    path = tmp_path_factory.mktemp("runs") / "ample"
    sim.run(small(**AMPLE), output=path)
    return path
