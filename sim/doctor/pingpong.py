"""How long a strip takes to the neighbour and how fast a large one goes, by the transport that a run would use."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from sim.errors import SimError
from sim.team import Team, agreement
from sim.topology import Box, Ghosts, box_shape
from sim.transport import Transport, Wish, choose_transport
from sim.transport_name import Name
from solvers.block import Block
from solvers.exchange import UPPER, Exchange

_EXCHANGES = 21
_CALLS = 5


def ping_pong(name: Name, team: Team, blocks: int, devices: int | None, sizes: Sequence[int]) -> list[float]:
    """Seconds that a strip of each of `sizes` in bytes takes to the next of a ring of `blocks`, all sending at once.

    Collective; the slowest rank's median counts.  Raises SimError where what arrives is not what was sent.
    """
    return [_seconds(name, team, blocks, devices, size) for size in sizes]


def _seconds(name: Name, team: Team, blocks: int, devices: int | None, size: int) -> float:
    # A one-dimensional grid: the strip is the block, with a ghost at each end.
    cells = size // 4 - 2
    transport = choose_transport(name, Wish(name, devices), team, (cells * blocks,), Ghosts(1))
    field = transport.place(lambda box: np.full(box_shape(box), _number(box, cells)), "float32")
    shift_often = transport.compile(_shift_often, (0,))
    times = []
    for _ in range(_CALLS):
        team.barrier()
        begin = time.perf_counter()
        field, _ = shift_often(field)
        jax.block_until_ready(field)
        times.append(time.perf_counter() - begin)
    with agreement(team):
        _check(transport, field, cells)
    # The first one compiles.
    return max(team.gather(float(np.median(times[1:])) / _EXCHANGES))


def _shift_often(block: Block, exchange: Exchange, field: jax.Array) -> tuple[jax.Array, dict[str, Any]]:
    return jax.lax.fori_loop(0, _EXCHANGES, lambda _, u: exchange.shift(u, 0, UPPER), field), {}


def _check(transport: Transport, field: jax.Array, cells: int) -> None:
    """After so many shifts each block has the strip of the one that is as many places below it."""
    blocks = transport.topology.count
    for box, values in transport.blocks(field):
        expected = (_number(box, cells) - _EXCHANGES * _CALLS) % blocks
        if not (values == expected).all():
            raise SimError(f"{transport.name} delivers other values than were sent; don't trust its results")


def _number(box: Box, cells: int) -> int:
    return int(box[0].start) // cells
