"""What the environment says of the launcher, and what follows when MPI disagrees."""

from __future__ import annotations

import pytest

from sim.errors import SimError
from sim.launcher import Launch, check_launcher, launched

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


@pytest.mark.parametrize("environment", [MPICH, OPEN_MPI, SRUN])
def test_several_processes_that_each_see_a_world_of_one(environment: dict[str, str]) -> None:
    launch = launched(environment)
    assert launch is not None
    with pytest.raises(SimError) as caught:
        check_launcher(launch, 1)
    message = str(caught.value)
    assert launch.launcher in message and f"{launch.size} processes" in message


@pytest.mark.parametrize(
    ("launch", "world"),
    [(None, 1), (Launch("mpich", 0, 1, 0), 1), (Launch("mpich", 3, 4, 3), 4), (Launch("srun", 0, 8, 0), 2)],
)
def test_nothing_to_complain_of(launch: Launch | None, world: int) -> None:
    check_launcher(launch, world)
