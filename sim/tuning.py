"""What is chosen by measuring.  It may change the time a run takes, never a bit of its result."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sim import kept
from sim.costs import Choice, Costs
from sim.problem import Problem
from sim.topology import box_shape
from sim.transport.protocol import Transport
from solvers.block import Block
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.halo import exchange_halos
from solvers.rounds import Clock

_EXCHANGES = 20
_TRIED = 4
_SECONDS_PER_TRIAL = 0.15


class Trial(NamedTuple):
    """Seconds that a step took with so many steps an exchange, in such tiles."""

    steps: int
    tile: tuple[int, ...]
    seconds: float


@dataclass(frozen=True)
class Tuning:
    """Steps an exchange, cells of a tile along the first axes (none: the whole block), and why.

    `why`: "given", "rule" (a model's, without measurement), "exchange" (the model's, by what an exchange was
    measured to take), "measured" (the fastest of `trials`) or "kept" (of an earlier run's).
    """

    steps: int
    tile: tuple[int, ...]
    why: str
    exchange_seconds: float | None = None
    trials: tuple[Trial, ...] = ()


def tune(transport_of: Callable[[int], Transport], problem: Problem) -> Tuning:
    """What the case gives, and for the rest what is fastest here.  Collective; all ranks choose the same.

    A model ranks what there is to choose from.  Where blocks fit into the cache, its first choice is taken, by the
    measured cost of an exchange; where they don't, its best few, and the plain way, are tried on blocks of the real
    size, and what was found is kept on disk.
    """
    wish = problem.case.parallel
    transport = transport_of(1)
    costs = Costs.of(transport.topology, problem.march.step, problem.cell_bytes, problem.grid.periodic)
    given = wish.ghost_depth is not None and wish.tile is not None
    choices = costs.choices(wish.ghost_depth, wish.tile, problem.most_stages)
    if given or not wish.tune:
        return Tuning(*costs.ranked(choices)[0], "given" if given else "rule")
    file = _file(problem, transport, choices)
    if (known := transport.team.broadcast(_read(file))) is not None:
        return known
    seconds = None
    if transport.topology.count > 1 and wish.ghost_depth is None:
        seconds = max(transport.team.gather(_exchange_seconds(transport)))
        costs = replace(costs, exchange_seconds=seconds)
    ranked = costs.ranked(choices)
    if not costs.blocked or len(ranked) == 1:
        return Tuning(*ranked[0], "exchange" if seconds else "rule", seconds)
    trials = tuple(_try(choice, transport_of, problem) for choice in costs.worth_trying(choices, _TRIED))
    best = min(trials, key=lambda trial: trial.seconds)
    found = Tuning(best.steps, best.tile, "measured", seconds, trials)
    if transport.team.rank == 0 and file is not None:
        kept.write(file, json.dumps(asdict(found)).encode())
    return found


def _try(choice: Choice, transport_of: Callable[[int], Transport], problem: Problem) -> Trial:
    """Step blocks of the real size, of ones, that way, several times.  The best counts, of each the slowest rank's."""
    transport, march = transport_of(choice.steps), problem.in_tiles(choice.tile).march
    fields, coefficients = problem.blank(transport)
    buffers = march.buffers(fields)
    program = transport.compile(march.even, (0,))
    # Twice as many as an exchange serves, where that is odd: the loop's turns are even.
    steps = choice.steps * (1 + choice.steps % 2)
    standing = Clock(jnp.float64(0.0), jnp.int64(0), jnp.float64(0.0))
    seconds: list[float] = []
    while sum(seconds[1:]) < _SECONDS_PER_TRIAL:
        begin = time.perf_counter()
        # The first one compiles, and takes no steps.
        buffers, _ = program(buffers, coefficients, standing, jnp.int64(steps if seconds else 0))
        jax.block_until_ready(buffers)
        # Agreed, for all ranks must go on or stop together.
        seconds.append(max(transport.team.gather(time.perf_counter() - begin)))
    return Trial(*choice, min(seconds[1:]) / steps)


def _file(problem: Problem, transport: Transport, choices: Sequence[Choice]) -> Path | None:
    """Where what was chosen of these for this work, on this machine and as many ranks, is kept."""
    directory = kept.directory()
    case, topology = problem.case, transport.topology
    tables = [case.grid, case.equation, case.boundary, case.numerics, case.parallel]
    world = [jax.__version__, transport.name, topology, transport.team.size, choices]
    parts = [*world, *(t.model_dump_json() for t in tables)]
    digest = hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()
    return None if directory is None else directory / f"{digest[:32]}.tuning"


def _read(file: Path | None) -> Tuning | None:
    try:
        found = json.loads(file.read_bytes()) if file is not None else None
        return found and Tuning(
            int(found["steps"]),
            _tile(found["tile"]),
            "kept",
            found["exchange_seconds"],
            tuple(Trial(int(k), _tile(tile), float(seconds)) for k, tile, seconds in found["trials"]),
        )
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _tile(sizes: Sequence[Any]) -> tuple[int, ...]:
    return tuple(map(int, sizes))


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
