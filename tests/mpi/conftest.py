"""Whole programs on several ranks: started from here, ended with certainty, their word taken as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sim.subprocesses import clean_environment, find_mpirun, why_no_mpirun
from tests import families

WORKERS = Path(__file__).parent / "workers"
_MARK = "HALOSTEP_TEST_FAMILY"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = why_no_mpirun()
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.mpi)
            if missing:
                item.add_marker(pytest.mark.skip(reason=missing))


@dataclass
class Family:
    """The processes that one test starts, and what becomes of them."""

    folder: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def start(self, command: list[str], **variables: str) -> subprocess.Popen[str]:
        environment = {**clean_environment(), _MARK: self.mark, **variables}
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ranks(self, count: int, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """mpirun with `python arguments…` on each rank."""
        return self.start([str(find_mpirun()), "-n", str(count), sys.executable, *arguments], **variables)

    def living(self) -> dict[int, str]:
        """Command lines of all processes of this family, by id."""
        return families.living(f"{_MARK}={self.mark}")

    def end(self) -> dict[int, str]:
        """Whoever is still there a moment after its parent; ended."""
        return families.end(f"{_MARK}={self.mark}")


@dataclass(frozen=True)
class Ended:
    code: int
    stdout: str
    stderr: str
    seconds: float

    def json(self) -> Any:
        """What was printed last."""
        assert self.code == 0, self.stderr[-3000:]
        return json.loads(self.stdout.strip().splitlines()[-1])


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Family]:
    family = Family(tmp_path)
    yield family
    left = family.end()
    assert not left, f"still running: {left}"


def finish(process: subprocess.Popen[str], family: Family, timeout: float = 120) -> Ended:
    """Wait for a program, for so long at most."""
    begin = time.monotonic()
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        stacks = family.living()
        family.end()
        out, err = process.communicate()
        pytest.fail(f"no end after {timeout} s: {stacks}\n{out[-1000:]}\n{err[-3000:]}")
    return Ended(process.returncode, out, err, time.monotonic() - begin)


@pytest.fixture
def mpirun(family: Family) -> Callable[..., Ended]:
    """mpirun(ranks, *arguments of python, timeout=…, **environment) → how it ended; nothing is left of it."""

    def run(ranks: int, *arguments: str, timeout: float = 120, **variables: str) -> Ended:
        ended = finish(family.ranks(ranks, *arguments, **variables), family, timeout)
        left = family.end()
        assert not left, f"still running: {left}"
        return ended

    return run
