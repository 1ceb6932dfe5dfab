"""What the environment says of the launcher, and what follows when MPI disagrees."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import pytest

from sim import membership
from sim.doctor.launching import alone
from sim.errors import SimError
from sim.launcher import Launch, check_launcher, check_library, launched
from sim.subprocesses import clean_environment, run_bounded, why_no_mpirun

MPICH = {"PMI_RANK": "2", "PMI_SIZE": "4"}
OPEN_MPI = {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "3", "OMPI_COMM_WORLD_LOCAL_RANK": "0"}
SRUN = {"SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "1"}


@pytest.mark.parametrize(
    ("environment", "rank", "size", "local"),
    [
        (MPICH, 2, 4, 2),
        ({**MPICH, "MPI_LOCALRANKID": "0"}, 2, 4, 0),
        (OPEN_MPI, 1, 3, 0),
        (SRUN, 5, 8, 1),
        ({**SRUN, **MPICH}, 2, 4, 2),  # mpirun inside a batch step: the nearer launcher counts
        ({**SRUN, **OPEN_MPI}, 1, 3, 0),
        ({"PMI_RANK": "0", "PMI_SIZE": "1"}, 0, 1, 0),
    ],
)
def test_a_launchers_word(environment: dict[str, str], rank: int, size: int, local: int) -> None:
    launch = launched(environment)
    assert launch is not None
    assert (launch.rank, launch.size, launch.local_rank) == (rank, size, local)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"PMI_SIZE": "4"},
        {"PMI_RANK": "", "PMI_SIZE": ""},
        {"PMI_RANK": "x", "PMI_SIZE": "4"},
        {"SLURM_NTASKS": "8", "SLURM_JOB_ID": "1"},  # a batch script's own shell: no step, no rank
    ],
)
def test_started_by_hand(environment: dict[str, str]) -> None:
    assert launched(environment) is None


def mpi(world: int, library: str = "MPICH", version: str = "MPICH Version: 5.0.2") -> Any:
    """As of mpi4py: a library, and how many ranks it finds."""
    return SimpleNamespace(
        Is_initialized=lambda: False,
        Init_thread=lambda: warnings.warn("suspicious MPI execution environment", RuntimeWarning, stacklevel=1),
        COMM_WORLD=SimpleNamespace(Get_size=lambda: world),
        get_vendor=lambda: (library, (5, 0, 2)),
        Get_library_version=lambda: version,
    )


@pytest.mark.parametrize("environment", [MPICH, OPEN_MPI, SRUN])
def test_several_processes_that_each_see_a_world_of_one(environment: dict[str, str]) -> None:
    launch = launched(environment)
    assert launch is not None
    with pytest.raises(SimError) as caught:
        check_launcher(launch, mpi(1))
    message = str(caught.value)
    assert launch.launcher in message and f"{launch.size} processes" in message
    assert "library, MPICH 5.0.2; use" in message and ("srun --mpi=pmi2" in message) == (environment is SRUN)


def test_what_mpi4py_suspects_of_it_is_said_once_and_by_us(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr(membership, "_unstarted", lambda: mpi(1, "Open MPI", "Open MPI v5.0.2"))
    for name, value in MPICH.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SimError, match=r"4 processes, .* library, Open MPI 5.0.2"):
        membership.assemble()
    assert not recwarn.list


@pytest.mark.parametrize(
    ("launch", "world"),
    [(None, 1), (Launch("mpich", 0, 1, 0), 1), (Launch("mpich", 3, 4, 3), 4), (Launch("srun", 0, 8, 0), 2)],
)
def test_nothing_to_complain_of(launch: Launch | None, world: int) -> None:
    check_launcher(launch, mpi(world))


def test_a_library_that_would_abort_is_not_started() -> None:
    with pytest.raises(SimError, match=r"Open MPI started 3 processes, but .* library, MPICH 5.0.2; use"):
        check_library(launched(OPEN_MPI), mpi(1))


@pytest.mark.parametrize(
    ("environment", "library", "version"),
    [
        ({}, "MPICH", "MPICH Version: 5.0.2"),
        (MPICH, "MPICH", "MPICH Version: 5.0.2"),
        (OPEN_MPI, "Open MPI", "Open MPI v4.1.4"),
        (OPEN_MPI, "MPICH", "MPICH Version: 5.0.2\nMPICH configure: --with-pmix=/usr"),
        (MPICH, "Open MPI", "Open MPI v4.1.4"),
    ],
)
def test_a_library_that_may_be_started(environment: dict[str, str], library: str, version: str) -> None:
    check_library(launched(environment), mpi(1, library, version))


@pytest.mark.skipif(bool(why_no_mpirun(("mpi4py",))), reason="no MPI")
def test_mpich_under_another_launcher_is_named_before_it_aborts() -> None:
    """As Open MPI's mpirun starts it."""
    environment = {**clean_environment(), **OPEN_MPI, "PMIX_NAMESPACE": "1", "OMPI_COMM_WORLD_RANK": "0"}
    said = run_bounded(alone("mpi"), 60).stdout
    if "MPICH" not in said:
        pytest.skip("mpi4py's library is no MPICH")
    finished = run_bounded(alone("world"), 60, environment)
    assert finished.returncode == 2, finished
    assert finished.stderr.startswith("sim: error: Open MPI started 3 processes"), finished
