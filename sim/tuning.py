"""What is chosen by measuring.  It may change the time a run takes, never a bit of its result."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from sim.topology import Topology, box_shape
from sim.transport.protocol import Transport
from solvers.block import Block
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.halo import exchange_halos

_CANDIDATES = (1, 2, 4, 8, 16)
_EXCHANGES = 20
# What a core does on a block in memory, of the right order on anything from a laptop to a node of a cluster;
# the best depth goes with the square root of it.
_CELLS_PER_SECOND = 2e9


@dataclass(frozen=True)
class Depth:
    """Steps an exchange, and why: "given", "one block", or the measured seconds of an exchange."""

    steps: int
    why: str
    exchange_seconds: float | None = None


def choose_depth(transport_of: Callable[[int], Transport], width: int, given: int | None) -> Depth:
    """The depth that is given, or the fastest one by the measured cost of an exchange.  Collective.

    Deeper ghosts mean fewer exchanges, each step computing more ghost cells: with blocks of n cells a side,

        seconds(k) = Π (n + 2 (k - 1) w) / rate + exchange / k
    """
    if given is not None:
        return Depth(given, "given")
    transport = transport_of(1)
    if transport.topology.count == 1:
        return Depth(1, "one block")
    seconds = max(transport.team.gather(_exchange_seconds(transport)))
    topology = transport.topology
    fitting = [k for k in _CANDIDATES if min(topology.smallest) >= k * width]
    best = min(fitting, key=lambda k: _step_seconds(topology, k, width, seconds))
    return Depth(best, "measured", seconds)


def _step_seconds(topology: Topology, depth: int, width: int, exchange_seconds: float) -> float:
    cut = [parts > 1 for parts in topology.blocks]
    sides = [n + 2 * (depth - 1) * width * c for n, c in zip(topology.largest, cut, strict=True)]
    return float(np.prod(sides)) / _CELLS_PER_SECOND + exchange_seconds / depth


def _exchange_seconds(transport: Transport) -> float:
    """Seconds of one exchange of a block's halos at depth 1, the median of a few."""
    field = {"u": transport.place(lambda box: np.zeros(box_shape(box)), "float32")}
    exchange_often = transport.compile(_ping_program(_EXCHANGES), (0,))
    times = []
    for _ in range(4):
        begin = time.perf_counter()
        field, _ = exchange_often(field)
        jax.block_until_ready(field)
        times.append(time.perf_counter() - begin)
    # The first one compiles.
    return float(np.median(times[1:])) / _EXCHANGES


def _ping_program(count: int) -> Callable[..., tuple[Fields, dict[str, Any]]]:
    def program(block: Block, exchange: Exchange, field: Fields) -> tuple[Fields, dict[str, Any]]:
        def again(_: jax.Array, u: jax.Array) -> jax.Array:
            return exchange_halos(u, block, exchange)

        return {"u": jax.lax.fori_loop(0, count, again, field["u"])}, {}

    return program
