"""Does a run fit into this machine?  Asked before anything is allocated."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping

import numpy as np

from sim.case import Case
from sim.errors import SimError
from sim.topology import Topology

VARIABLE = "SIM_MEMORY_GIB"
_GIB = 1 << 30


def check_room(case: Case, topology: Topology, processes: int, environment: Mapping[str, str] = os.environ) -> None:
    """Raise SimError where the blocks of one process can't be held: two of each field.

    The limit is the machine's memory, or what SIM_MEMORY_GIB says, such as where devices have memory of their own.
    """
    here = -(-topology.count // processes)
    cells = here * math.prod(topology.largest)
    needed = 2 * len(case.equation.fields) * cells * np.dtype(case.numerics.dtype).itemsize
    limit = _limit(environment)
    if needed > limit:
        grid = " × ".join(map(str, topology.shape))
        raise SimError(
            f"a grid of {grid} cells takes {needed / _GIB:.3g} GiB in each of {processes} "
            f"process{'es' * (processes > 1)}, and there are {limit / _GIB:.3g} GiB; use more of them on more "
            f"machines, or a coarser grid, or raise the limit with {VARIABLE}"
        )


def _limit(environment: Mapping[str, str]) -> float:
    given = environment.get(VARIABLE)
    if given is None:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    try:
        limit = float(given)
    except ValueError:
        limit = math.nan
    if not limit > 0:
        raise SimError(f"{VARIABLE} is a number of GiB above 0; got {given!r:.40}")
    return limit * _GIB
