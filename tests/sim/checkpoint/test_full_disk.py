"""A checkpoint for which there is no room leaves those that there are."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.checkpoint.store import Store
from sim.subprocesses import with_our_package
from sim.team import Solo
from tests.disks import small_file_system
from tests.sim.checkpoint.stored import values, write

FULL = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.sim.checkpoint.stored import values, write
from sim.checkpoint.store import Store
from sim.errors import SimError
from sim.team import Solo
store = Store(Path(sys.argv[2]), Solo(), keep=2)
if limit := int(sys.argv[3]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    write(store, 3, {"u": values(3, (200, 400))}, (2, 1))
except SimError as error:
    print(error)
    sys.exit(2)
"""


def fill(folder: Path, limit: int) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", FULL, root, str(folder), str(limit)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=with_our_package(os.environ), check=False
    )


def check_full(store: Store, done: subprocess.CompletedProcess[str], reason: str) -> None:
    assert done.returncode == 2, done.stderr
    assert reason in done.stdout and "can't be written" in done.stdout and "sim resume" in done.stdout
    assert sorted(entry.name for entry in store.folder.iterdir()) == ["1", "2"]
    found = store.newest()
    assert found is not None and found.manifest.step == 2


@pytest.mark.parametrize("limit", [1, 100_000, 320_000])
def test_a_limit_on_the_size_of_files(store: Store, limit: int) -> None:
    for step in (1, 2):
        write(store, step, {"u": values(step, (4, 6))}, (1, 1))
    check_full(store, fill(store.folder, limit), "File too large")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_file_system(tmp_path / "disk", "500k") as place:
        yield place


def test_a_full_disk(small_disk: Path) -> None:
    store = Store(small_disk / "checkpoints", Solo(), keep=2)
    for step in (1, 2):
        write(store, step, {"u": values(step, (4, 6))}, (1, 1))
    check_full(store, fill(store.folder, 0), "No space left on device")
