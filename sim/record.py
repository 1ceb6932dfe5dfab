"""run.json: what ran, with what, and what came of it."""

from __future__ import annotations

import json
import os
import platform as python_platform
import shlex
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

from sim import casefile, platform
from sim.case import Case, CheckpointTable, ParallelTable
from sim.transport import Transport
from sim.tuning import Tuning

# Of the environment nothing else is ever written down.
_VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "JAX_PLATFORMS",
    "OMP_NUM_THREADS",
    "SLURM_CPUS_PER_TASK",
    "SLURM_JOB_ID",
    "SLURM_JOB_NODELIST",
    "SLURM_NTASKS",
    "XLA_FLAGS",
)
_PACKAGES = ("halostep", "jax", "jaxlib", "numpy", "h5py", "mpi4py", "mpi4jax", "mpich")


def versions() -> dict[str, str]:
    found = {"python": python_platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def commit() -> str | None:
    """The commit of the program's own source, "-dirty" where that was changed since; None where it isn't in git."""
    root = Path(__file__).parents[1]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def of_results(case: Case) -> dict[str, str]:
    """What decides the numbers, as text for the attributes of a file: nothing of where and how they were computed."""
    unsaid = {"parallel": ParallelTable(), "checkpoint": CheckpointTable()}
    text = casefile.to_toml(case.with_absolute_files().model_copy(update=unsaid))
    known = {"source": f"halostep {versions().get('halostep', '')}".strip(), "git_commit": commit()}
    return {**{key: value for key, value in known.items() if value}, "versions": json.dumps(versions()), "case": text}


def of_run(provenance: dict[str, Any]) -> dict[str, str]:
    """How they were computed, as text for the attributes of a file."""
    history = f"{provenance['started']} {shlex.join(provenance['command'])}"
    kept = {key: provenance[key] for key in ("transport", "ranks", "process_grid", "platform", "writer", "environment")}
    return {"history": history, **{key: v if isinstance(v, str) else json.dumps(v) for key, v in kept.items()}}


def provenance(transport: Transport, tuning: Tuning, writer: str) -> dict[str, Any]:
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
        "writer": writer,
        "git_commit": commit(),
        "environment": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }
