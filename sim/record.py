"""run.json: what ran, with what, and what came of it."""

from __future__ import annotations

import platform as python_platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import jax

from sim import platform
from sim.transport import Transport
from sim.tuning import Tuning

_PACKAGES = ("halostep", "jax", "jaxlib", "numpy", "h5py", "mpi4py", "mpi4jax", "mpich")


def versions() -> dict[str, str]:
    found = {"python": python_platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def provenance(transport: Transport, tuning: Tuning) -> dict[str, Any]:
    """What does not change while the run goes."""
    topology = transport.topology
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "versions": versions(),
        "xla_flags": platform.xla_flags(),
        "transport": transport.name,
        "ranks": transport.team.size,
        "platform": jax.default_backend(),
        "process_grid": list(topology.blocks),
        "largest_block": list(topology.largest),
        "tuning": asdict(tuning),
    }
