"""Processes in good health and bad, alone and in company."""

from __future__ import annotations

from typing import Any

from sim.doctor.company import Company
from sim.doctor.diagnosis import diagnose
from sim.doctor.finding import Finding
from sim.doctor.patient import Facts
from sim.launcher import Launch
from sim.team import Solo


class FakeTeam(Solo):
    """A team of several of which only its size is of interest."""

    def __init__(self, size: int, rank: int = 0) -> None:
        self.size, self.rank = size, rank


def facts(**changes: Any) -> Facts:
    """A process in the best of health."""
    healthy: Facts = {
        "host": "node1",
        "cpus": [0, 1],
        "cpus_of_host": 8,
        "settings": {"OMP_NUM_THREADS": "2"},
        "jax": {"version": "9.9", "platform": "cpu", "devices": ["cpu 0", "cpu 1"], "threads": 2},
        "h5py": {"version": "3.0", "hdf5": "2.0", "mpio": False},
        "mpi": {"version": "4.0", "library": "MPICH 5.0", "standard": "5.0", "files": ["/lib/libmpi.so.12"]},
        "mpi4jax": {"version": "0.9", "files": ["/lib/libmpi.so.12"]},
        "ppermute": {"seconds": [2e-5, 1e-3]},
    }
    return {**healthy, **changes}


ALONE = Company(None, Solo())
FOUR = Company(Launch("mpich", 0, 4, 0), FakeTeam(4))
FOREIGN = Company(Launch("mpich", 0, 4, 0), Solo(), "mpich started 4 processes, but the world is 1; use another")
NOT_INSTALLED = {"why": "it is not installed; install it", "missing": True}


def findings_of(company: Company, ranks: list[Facts], exchanges: list[Facts] | None = None) -> dict[str, Finding]:
    return {finding.what: finding for finding in diagnose(company, ranks, exchanges or [])}
