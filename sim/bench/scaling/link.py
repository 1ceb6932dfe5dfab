"""What an exchange costs here, by its size."""

from __future__ import annotations

import json
import sys

from sim.bench.scaling.strips import SIZES
from sim.errors import SimError
from sim.subprocesses import find_mpirun, run_bounded

_SECONDS = 180.0


def measure_link(ranks: int) -> dict[int, float]:
    """Seconds that a strip takes to the next rank, all sending at once, by its bytes.  Raises SimError."""
    command = [find_mpirun() or "mpirun", "-n", str(ranks), sys.executable, "-m", "sim.bench.scaling.strips"]
    done = run_bounded([*command, *map(str, SIZES)], _SECONDS)
    if done.returncode != 0 or done.timed_out:
        raise SimError(f"{ranks} ranks can't exchange strips: {done.complaint()}; `sim doctor` says more")
    return dict(zip(SIZES, json.loads(done.stdout.splitlines()[-1]), strict=True))
