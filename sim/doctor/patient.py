"""What one process has and sees; each question that could crash or hang is asked in a process of its own."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, TypeAlias

from sim.doctor.launching import alone
from sim.subprocesses import Finished, clean_environment, run_bounded, with_our_package

Facts: TypeAlias = dict[str, Any]
"""JSON's types only.  An answer that failed is {"why": "fact; remedy"}, with "missing" where a part isn't installed."""

SECONDS_PER_PROBE = 120.0
_NO_MPI = {"why": "it has no MPI library to work with; see MPI library"}
_SETTINGS = ("NPROC", "OMP_NUM_THREADS", "OMP_PROC_BIND", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "XLA_FLAGS")


def examine() -> Facts:
    """The facts about this process, as a run in it would find them."""
    # Kept as the launcher has it: a rank's devices depend on its number.  JAX does not speak to launchers.
    as_a_rank = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", **with_our_package(os.environ)}
    jax_facts = ask("jax", environment=as_a_rank)
    mpi = ask("mpi") if find_spec("mpi4py") else not_installed("mpi4py")
    mpi4jax = ask("mpi4jax") if find_spec("mpi4jax") else not_installed("mpi4jax")
    return {
        "host": socket.gethostname(),
        "cpus": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [],
        "cpus_of_host": os.cpu_count(),
        "settings": {name: os.environ[name] for name in _SETTINGS if name in os.environ},
        "jax": jax_facts,
        "h5py": ask("h5py"),
        "mpi": mpi,
        "mpi4jax": {**mpi, **_NO_MPI} if "why" in mpi and "missing" not in mpi4jax else mpi4jax,
        "ppermute": ask("exchange", "xla", "2", environment=_with_devices(2, jax_facts)),
    }


def ask(*probe: str, environment: Mapping[str, str] | None = None) -> Facts:
    """A probe's answer; by default the probe knows nothing of a launcher."""
    return answer_of(run_bounded(alone(*probe), SECONDS_PER_PROBE, environment))


def answer_of(finished: Finished) -> Facts:
    if finished.returncode != 0 or finished.timed_out:
        return {"why": finished.complaint()}
    try:
        answer: Facts = json.loads(finished.stdout.splitlines()[-1])
    except (ValueError, LookupError):
        return {"why": "its answer can't be read"}
    return answer


def not_installed(package: str) -> Facts:
    return {"why": f"{package} is not installed; pip install '.[mpi]', or bash scripts/bootstrap.sh", "missing": True}


def _with_devices(count: int, jax_facts: Facts) -> dict[str, str]:
    """The environment of a child that needs `count` devices: accelerators where there are as many, else CPUs."""
    environment = clean_environment()
    if len(jax_facts.get("devices", ())) < count:
        environment["JAX_PLATFORMS"] = "cpu"
    return environment
