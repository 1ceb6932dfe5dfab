"""The doctor as users call it, with an MPI and several ranks."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import pytest

from sim.doctor.launching import alone
from sim.doctor.patient import answer_of, ask
from sim.subprocesses import clean_environment, find_mpirun, run_bounded, why_no_mpirun

needs_mpi = pytest.mark.skipif(why_no_mpirun() is not None, reason=f"{why_no_mpirun()}")


def doctor_json(*before: str, environment: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    finished = run_bounded([*before, sys.executable, "-m", "sim", "doctor", "--json"], 300, environment)
    assert finished.stdout, finished.stderr
    return finished.returncode, json.loads(finished.stdout.splitlines()[-1])


@needs_mpi
@pytest.mark.mpi
@pytest.mark.long
def test_alone() -> None:
    code, found = doctor_json()
    assert code == 0 and found["ok"] and found["launch"] is None and len(found["ranks"]) == 1
    assert all(len(speed["seconds"]) == 2 for speed in found["exchanges"])


@needs_mpi
@pytest.mark.mpi
@pytest.mark.long
def test_among_ranks() -> None:
    code, found = doctor_json(find_mpirun() or "", "-n", "2")
    assert code == 0 and found["ok"] and found["launch"]["size"] == 2 and len(found["ranks"]) == 2
    assert [speed["between"] for speed in found["exchanges"][1:]] == ["2 ranks", "2 processes"]
    assert all(len(speed["seconds"]) == 2 for speed in found["exchanges"])


@needs_mpi
@pytest.mark.mpi
def test_the_probes_of_mpi() -> None:
    mpi, mpi4jax = ask("mpi"), ask("mpi4jax")
    assert mpi["library"] and mpi4jax["files"] == mpi["files"]
    assert answer_of(run_bounded([find_mpirun() or "", "-n", "3", *alone("world", "mpi4py")], 60))["size"] == 3
    pretended = {**clean_environment(), "PMI_RANK": "0", "PMI_SIZE": "2"}
    pretended.update({"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"})
    assert "world of 1" in answer_of(run_bounded(alone("world"), 60, pretended))["why"]
    assert os.environ.get("PMI_RANK") is None
