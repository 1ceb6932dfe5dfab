"""What messages take: `mpirun -n N python -m sim.bench.scaling.strips BYTES…` prints seconds for each size as JSON.

By the ring of all ranks, each sending to the next at once, through mpi4jax as in a run.
"""

from __future__ import annotations

import json
import sys

from sim import platform
from sim.doctor.pingpong import ping_pong
from sim.errors import SimError
from sim.membership import assembled

SIZES = (256, 1 << 11, 1 << 14, 1 << 17, 1 << 20, 1 << 22)
"""Bytes: from a few cells to a deep strip of a large block."""


def main(sizes: list[int]) -> int:
    try:
        with assembled(None, "mpi") as team:
            platform.configure(one_device=True)
            seconds = ping_pong("mpi", team, team.size, None, sizes)
            if team.rank == 0:
                print(json.dumps(seconds), flush=True)
    except SimError as error:
        print(f"sim: error: {error}", file=sys.stderr, flush=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main([int(size) for size in sys.argv[1:]]))
