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


def check_memory(case: Case, topology: Topology, processes: int, environment: Mapping[str, str] = os.environ) -> None:
    """Raise SimError where the blocks of one process can't be held: two of each field.

    The limit is the machine's memory, or what SIM_MEMORY_GIB says, such as where devices have memory of their own.
    """
    needed, limit = 2 * _field_bytes(case, topology, processes), _limit(environment)
    if needed > limit:
        grid = " × ".join(map(str, topology.shape))
        raise SimError(
            f"a grid of {grid} cells takes {_amount(needed, processes)}, and there are {limit / _GIB:.3g} GiB; "
            f"use more of them on more machines, or a coarser grid, or raise the limit with {VARIABLE}"
        )


def check_history(states: int, case: Case, topology: Topology, processes: int) -> None:
    """Raise SimError where so many states of the fields of one process can't be held besides."""
    needed, limit = (2 + states) * _field_bytes(case, topology, processes), _limit(os.environ)
    if needed > limit:
        raise SimError(
            f"a gradient through so many steps keeps {states} states of the fields and takes "
            f"{_amount(needed, processes)}, and there are {limit / _GIB:.3g} GiB; use more of them on more machines, "
            f"or fewer steps, or raise the limit with {VARIABLE}"
        )


def _field_bytes(case: Case, topology: Topology, processes: int) -> int:
    """Of all fields of one process, once."""
    cells = -(-topology.count // processes) * math.prod(topology.largest)
    return len(case.equation.fields) * cells * np.dtype(case.numerics.dtype).itemsize


def _amount(needed: int, processes: int) -> str:
    return f"{needed / _GIB:.3g} GiB in each of {processes} process{'es' * (processes > 1)}"


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
