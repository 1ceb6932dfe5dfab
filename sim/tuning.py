"""What is chosen by measuring.  It may change the time a run takes, never a bit of its result."""

from __future__ import annotations

import math
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
# Of the right order on anything from a laptop to a node of a cluster; the best depth goes with the square root of
# their ratios.
_CELLS_PER_SECOND = 4e9  # what a core steps in cache
_BYTES_PER_SECOND = 2e10  # what it moves to and from memory
_CACHE = 6 << 20  # a core's share of the last level


@dataclass(frozen=True)
class Tuning:
    """Steps an exchange, layers a slab (0: no slabs), and why: "given", "rule", or the measured exchange."""

    steps: int
    slab: int
    why: str
    exchange_seconds: float | None = None


def tune(
    transport_of: Callable[[int], Transport], width: int, itemsize: int, steps: int | None, slab: int | None
) -> Tuning:
    """What is given, and for the rest what a model says is fastest, by the measured cost of an exchange.  Collective.

    Deeper ghosts mean fewer exchanges, each step computing more ghost cells, and more steps in cache for once
    through memory: with blocks of n cells a side, N in all, of which the cache holds few,

        seconds(k) = Π (n + 2 (k - 1) w) / rate + 2 N bytes / (k bandwidth) + exchange / k
    """
    transport = transport_of(1)
    topology, on_cpu = transport.topology, jax.default_backend() == "cpu"
    why, seconds = "given" if steps else "rule", None
    if steps is None and topology.count > 1:
        why, seconds = "measured", max(transport.team.gather(_exchange_seconds(transport)))
    traffic = 2 * itemsize * math.prod(topology.largest)
    if traffic <= _CACHE or not on_cpu or slab == 0:
        traffic = 0
    if steps is None:
        fitting = [k for k in _CANDIDATES if min(topology.smallest) >= k * width]
        steps = min(fitting, key=lambda k: _step_seconds(topology, k, width, seconds or 0.0, traffic))
    if slab is None:
        slab = _slab(topology, steps, width, itemsize) if traffic and steps > 1 else 0
    return Tuning(steps, slab, why, seconds)


def _step_seconds(topology: Topology, depth: int, width: int, exchange_seconds: float, traffic: int) -> float:
    sides = [n + 2 * (depth - 1) * width for n in topology.largest]
    computing = math.prod(sides) / _CELLS_PER_SECOND
    return computing + (traffic / _BYTES_PER_SECOND + exchange_seconds) / depth


def _slab(topology: Topology, depth: int, width: int, itemsize: int) -> int:
    """Layers a slab, so that the 2 · depth slabs that a wavefront touches, of two buffers, fit into the cache."""
    layer = itemsize * math.prod(n + 2 * depth * width for n in topology.largest[1:])
    return max(width, _CACHE // (4 * depth * layer))


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
