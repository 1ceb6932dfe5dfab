"""A case run one way: a program, or several, of its own."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sim.subprocesses import Finished, clean_environment, find_mpirun, free_port, run_bounded, run_together
from sim.verify.outcome import Outcome
from sim.verify.subject import Subject
from sim.verify.ways import Way

_SECONDS_PER_RUN = 600.0
_SLAB_BYTES = 16 << 20


def run_way(way: Way, subject: Subject, folder: Path, why_not: Callable[[tuple[str, ...]], str | None]) -> Outcome:
    """Run the case in a new `folder`, each process bounded in time.

    why_not: says why ranks of mpirun that import some modules can't be had, or None where they can.
    """
    head = (way.name, way.ranks, way.devices)
    if way.start == "mpirun" and (obstacle := why_not(way.needs)):
        return Outcome(*head, "absent", obstacle)
    folder.mkdir()
    for process in (finished := _start(way, subject, folder)):
        if process.returncode != 0 or process.timed_out:
            return Outcome(*head, "failed", process.complaint())
    try:
        result = json.loads(finished[0].stdout.splitlines()[-1])
        digest = field_digest(Path(result["snapshots"][-1]))
    except (ValueError, LookupError, OSError) as error:
        return Outcome(*head, "failed", f"its result can't be read: {error}")
    grid, ran = tuple(result["process_grid"]), (result["transport"], result["ranks"])
    if ran != (way.transport, way.ranks) or math.prod(grid) != way.total_blocks:
        return Outcome(*head, "failed", f"it was {ran[0]} on {ran[1]} ranks with {math.prod(grid)} blocks instead")
    return Outcome(*head, "ran", "", grid, result["ghost_depth"], result["teff"], digest)


def field_digest(snapshot: Path) -> str:
    """SHA-256 of the bytes of all fields of a snapshot, in the order of their names; read slab by slab."""
    import h5py

    digest = hashlib.sha256()
    with h5py.File(snapshot) as file:
        datasets = [file[name] for name in sorted(file) if isinstance(file[name], h5py.Dataset)]
        for field in datasets:
            if not field.is_scale:
                for slab in _slabs(field):
                    digest.update(slab)
    return digest.hexdigest()


def _slabs(field: Any) -> Iterator[bytes]:
    """The bytes of (time, [z,] y, x) in C order, some layers of the second axis at a time."""
    layer = field.dtype.itemsize * math.prod(field.shape[2:])
    count = max(1, _SLAB_BYTES // layer)
    for start in range(0, field.shape[1], count):
        yield field[:, start : start + count].tobytes()


def _start(way: Way, subject: Subject, folder: Path) -> list[Finished]:
    run = [sys.executable, "-m", "sim", "run", subject.case, *way.options(subject.ndim)]
    run += ["--json", "--output", str(folder / "results"), "--set", "checkpoint.at_end=false"]
    # To the bit is a promise for the CPU; its devices are virtual.
    env = {"JAX_PLATFORMS": "cpu", **clean_environment()}
    if way.start == "by hand":
        meet = ["--coordinator", f"127.0.0.1:{free_port()}", "--processes", str(way.ranks)]
        commands = [[*run, *meet, "--process", str(process)] for process in range(way.ranks)]
        return run_together(commands, _SECONDS_PER_RUN, env, cwd=folder)
    if way.start == "mpirun":
        run = [find_mpirun() or "mpirun", "-n", str(way.ranks), *run]
    return [run_bounded(run, _SECONDS_PER_RUN, env, cwd=folder)]
