"""What the process's environment says of how it was launched."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.errors import SimError

# Launcher → the variables of (rank, size, rank on this node).  srun sets its own beside those of the PMI it
# speaks, so it comes last: under mpirun inside a batch job the SLURM variables describe the batch step.
_VARIABLES = {
    "mpich or another PMI launcher": ("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"),
    "Open MPI": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
    "PALS": ("PALS_RANKID", "PALS_SIZE", "PALS_LOCAL_RANKID"),
    "srun": ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"),
}

_REMEDY = (
    "use that library's mpirun (source .venv/bin/activate), clear LD_LIBRARY_PATH where that has chosen the library, "
    "or build for the launcher's: SIM_MPI=system bash scripts/bootstrap.sh"
)


@dataclass(frozen=True)
class Launch:
    """A launcher's word: this is process `rank` of `size`, number `local_rank` on its node."""

    launcher: str
    rank: int
    size: int
    local_rank: int


def launched(environment: Mapping[str, str] = os.environ) -> Launch | None:
    """How this process was launched, or None where it was started by hand."""
    for launcher, names in _VARIABLES.items():
        rank, size, local = (environment.get(name, "") for name in names)
        if rank.isdecimal() and size.isdecimal():
            return Launch(launcher, int(rank), int(size), int(local) if local.isdecimal() else int(rank))
    return None


def library_name(mpi: Any) -> str:
    """Of the library that mpi4py's module `mpi` has loaded, started or not."""
    vendor, version = mpi.get_vendor()
    return f"{vendor} {'.'.join(map(str, version))}"


def check_library(launch: Launch | None, mpi: Any) -> None:
    """Raise SimError where MPI's library, not started yet, would abort on what the launcher tells it, in words of its
    own: MPICH on PMIx, unless it is built with that."""
    said = mpi.Get_library_version()
    if launch is not None and launch.launcher == "Open MPI" and said.startswith("MPICH") and "pmix" not in said.lower():
        raise SimError(f"Open MPI started {launch.size} processes, but {_of_another(mpi)}; {_REMEDY}")


def check_launcher(launch: Launch | None, mpi: Any) -> None:
    """Raise SimError where the launcher belongs to another MPI library than the program's.

    Otherwise N processes would each find a world of one, and run the same case N times over.
    """
    if launch is not None and launch.size > 1 and mpi.COMM_WORLD.Get_size() == 1:
        srun = "use srun --mpi=pmi2 (or what `srun --mpi=list` offers of your MPI's), or " * (launch.launcher == "srun")
        raise SimError(
            f"{launch.launcher} started {launch.size} processes, but MPI sees a world of 1: "
            f"{_of_another(mpi)}; {srun}{_REMEDY}"
        )


def refuse_launchers(command: str) -> None:
    """Raise SimError where this process is one of many that a launcher started, and the command starts its own."""
    launch = launched()
    if launch is not None and launch.size > 1:
        raise SimError(
            f"{command} starts its ranks itself, and {launch.launcher} has started {launch.size} of it; "
            f"run it without a launcher"
        )


def _of_another(mpi: Any) -> str:
    return f"the launcher does not speak to mpi4py's MPI library, {library_name(mpi)}"


def is_speaker() -> bool:
    """Whether this process is the one that talks to the user; known before MPI is."""
    launch = launched()
    return launch is None or launch.rank == 0
