"""Runs the cases of a file one after the other, on however many ranks; rank 0 prints what came of them as JSON.

cases.py FILE      FILE: {name: a case's table, …}
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import sim
from sim.launcher import launched


def outcome(name: str, case: dict[str, Any]) -> list[Any]:
    """Of a run: its fields' and probes' digest, the numbers that it prints, and the blocks it was cut into."""
    result = sim.run(case, output=f"out/{name}")
    with h5py.File(result.series) as file:
        found = np.ascontiguousarray(file["u"][:]).tobytes()
    if "probes" in case:
        with h5py.File(result.directory / "probes.h5") as file:
            found += b"".join(file[name][:].tobytes() for name in sorted(file))
    members = [] if result.members is None else [[m.statistics, m.errors] for m in result.members]
    numbers = [result.statistics, result.errors, result.drift, result.steps, *members]
    return [hashlib.sha256(found).hexdigest(), numbers, result.process_grid]


outcomes = {name: outcome(name, case) for name, case in json.loads(Path(sys.argv[1]).read_text()).items()}
launch = launched()
if launch is None or launch.rank == 0:
    print(json.dumps(outcomes))
