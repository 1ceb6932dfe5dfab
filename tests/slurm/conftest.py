"""A SLURM for the session, where it can be had; nothing is left of it afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim import casefile
from sim.subprocesses import why_no_mpirun

from .cluster import Cluster, why_no_slurm

SECONDS_PER_TEST = 150


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = why_no_slurm() or why_no_mpirun()
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slurm)
            item.add_marker(pytest.mark.long)
            item.add_marker(pytest.mark.timeout(SECONDS_PER_TEST))
            if missing:
                item.add_marker(pytest.mark.skip(reason=missing))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    # Not in pytest's own directory: munged wants one that others may look into, and sockets have short names.
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    folder.chmod(0o755)
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        left = cluster.end_what_is_left()
        shutil.rmtree(folder)
        assert not left, f"still running: {left}"


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A case for four ranks that takes no time, in a file."""
    settings = ["grid.x.cells=32", "grid.y.cells=24", "time.end=0.004", "parallel.ghost_depth=1"]
    path = tmp_path / "tiny.toml"
    path.write_text(casefile.to_toml(casefile.load("heat2d", settings)))
    return path
