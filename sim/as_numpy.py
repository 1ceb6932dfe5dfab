"""Distributed values as numpy's arrays, for a caller in Python to look at."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.errors import SimError
from sim.topology import Box
from sim.transport.protocol import PerMember, Transport, is_scalar


def blocks_of(name: str, value: Any, transport: Transport) -> list[tuple[Box, np.ndarray]]:
    """The blocks of a field that this process has: for each its place, a slice of the grid an axis, and a copy of it.

    Where there are members they are the first axis of places and copies.  Raises SimError for what is one number.
    """
    if is_scalar(value):
        raise SimError(f"{name} is one number in this case; take it by whole({name!r})")
    return [(place, np.array(block)) for place, block in transport.blocks(value) if block.size]


def whole_of(name: str, value: Any, transport: Transport) -> np.ndarray:
    """All cells, dtype[(members,) *grid.shape], where one process has them; of a number dtype[(members,)].

    Raises SimError where there are several ranks.
    """
    if is_scalar(value):
        return np.array(value.values if isinstance(value, PerMember) else value)
    if transport.team.size > 1:
        raise SimError(f"{name}: no rank of {transport.team.size} holds the whole field; take the parts by blocks()")
    blocks = blocks_of(name, value, transport)
    shape = [max(place[axis].stop for place, _ in blocks) for axis in range(len(blocks[0][0]))]
    found = np.empty(shape, blocks[0][1].dtype)
    for place, block in blocks:
        found[place] = block
    return found
