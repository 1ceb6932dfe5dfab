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

from sim import kept, platform
from sim.costs import STEP_BY_STEP, Choice, Costs
from sim.heap import give_back_memory
from sim.problem import Problem
from sim.topology import box_shape
from sim.transport.protocol import Transport
from solvers.block import Block
from solvers.exchange import Exchange, touches_both
from solvers.fields import Fields
from solvers.halo import exchange_halos
from solvers.march import stages_in_a_turn
from solvers.rounds import Clock

_EXCHANGES = 20
_TRIED = 3
_FINALISTS, _FINALS = 2, 2
_SECONDS_PER_TRIAL = 0.15
# What other ways than the model's first may save of a run at best, mostly, and seconds to try a few, for each is
# compiled; as long as nothing is measured.
_MOST_SAVED = 0.3
_SECONDS_TO_TRY = 4.0


class Trial(NamedTuple):
    """Seconds that a stage took with so many stages an exchange, in such tiles."""

    stages: int
    tile: tuple[int, ...]
    seconds: float


@dataclass(frozen=True)
class Tuning:
    """Stages an exchange, cells of a tile along the first axes (none: the whole block), and why.

    `why`: "given", "rule" (a model's, without measurement), "exchange" (the model's, by what an exchange was
    measured to take), "measured" (the fastest of `trials`) or "kept" (of an earlier run's).
    """

    stages: int
    tile: tuple[int, ...]
    why: str
    exchange_seconds: float | None = None
    trials: tuple[Trial, ...] = ()

    @property
    def choice(self) -> Choice:
        return Choice(self.stages, self.tile)


def tune(transport_of: Callable[[Choice], Transport], problem: Problem, stages: float | None) -> Tuning:
    """What the case gives, and for the rest what is fastest here.  Collective; all ranks choose the same.

    A model ranks what there is to choose from.  Where blocks fit into the cache, its first choice is taken, by the
    measured cost of an exchange; where they don't, its best few, and the plain way, are tried on blocks of the real
    size, and what was found is kept on disk.  `stages`: about how many the run takes, if that is known; as long as the
    case does not ask for it, nothing is tried that would take longer than it may save of them.
    """
    wish = problem.case.parallel
    transport = transport_of(STEP_BY_STEP)
    costs = Costs.of(transport.topology, problem.march.step, problem.cell_bytes, problem.grid.periodic)
    # Nodes may be unlike each other; whoever has least must not be asked for more.
    costs = replace(costs, cache=min(transport.team.gather(costs.cache)))
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
        if costs.blocked:
            give_back_memory()
    ranked = costs.ranked(choices)
    if not costs.blocked or len(ranked) == 1:
        return Tuning(*ranked[0], "exchange" if seconds else "rule", seconds)
    worth_trying = costs.worth_trying(choices, _TRIED)
    saved = None if stages is None or wish.tune is True else _MOST_SAVED * stages
    if saved is not None and saved * costs.seconds(ranked[0]) < _SECONDS_TO_TRY:
        return Tuning(*ranked[0], "rule", seconds)
    trials = _try_all(worth_trying, transport_of, problem, saved)
    best = min(trials, key=lambda trial: trial.seconds)
    found = Tuning(best.stages, best.tile, "measured", seconds, trials)
    if transport.team.rank == 0 and file is not None and len(trials) == len(worth_trying):
        kept.write(file, json.dumps(asdict(found)).encode())
    return found


def _try_all(
    choices: Sequence[Choice], transport_of: Callable[[Choice], Transport], problem: Problem, saved: float | None
) -> tuple[Trial, ...]:
    """Of each the best that was seen; the best of them are seen again, in turn, for others may be at work here.

    saved: how many stages another way may save the time of; no further one is tried that would take longer.
    """
    seconds: dict[_Way, float] = {}
    begin = time.perf_counter()
    for choice in choices:
        way = _Way(choice, transport_of(choice), problem)
        seconds[way] = way.seconds()
        each = max(way.gather(time.perf_counter() - begin)) / len(seconds)
        if saved is not None and saved * min(seconds.values()) < each:
            break
    if len(seconds) > _FINALISTS:
        for way in sorted(seconds, key=lambda way: seconds[way])[:_FINALISTS] * _FINALS:
            seconds[way] = min(seconds[way], way.seconds())
    return tuple(Trial(*way.choice, found) for way, found in seconds.items())


class _Way:
    """Steps taken as a choice says on blocks of the real size, of ones."""

    def __init__(self, choice: Choice, transport: Transport, problem: Problem) -> None:
        self.choice = choice
        self._transport, self._problem = transport, problem
        self._march = problem.in_tiles(choice.tile).march
        self._program = transport.compile(self._march.even, (0,))

    def gather(self, seconds: float) -> list[float]:
        """Those of all ranks."""
        return self._transport.team.gather(seconds)

    def seconds(self) -> float:
        """Of a stage, the slowest rank's, at the best of several times.  Collective."""
        fields, coefficients = self._problem.blank(self._transport)
        buffers = self._march.buffers(fields)
        stages = stages_in_a_turn(self.choice.stages)
        at_rest = Clock(jnp.float64(0.0), jnp.int64(0), jnp.float64(0.0))
        taken: list[float] = []
        while sum(taken[1:]) < _SECONDS_PER_TRIAL:
            begin = time.perf_counter()
            # The first time compiles, and takes no steps.
            buffers, _ = self._program(buffers, coefficients, at_rest, jnp.int64(stages if taken else 0))
            jax.block_until_ready(buffers)
            # Agreed, for all ranks must go on or stop together.
            taken.append(max(self.gather(time.perf_counter() - begin)))
        del buffers
        give_back_memory()
        return min(taken[1:]) / stages


def _file(problem: Problem, transport: Transport, choices: Sequence[Choice]) -> Path | None:
    """Where what was chosen of these for this work, on this machine and as many ranks, is kept.

    The same work is as much with other numbers in it: a parameter study is tuned once.
    """
    directory = kept.directory()
    case, topology = problem.case, transport.topology
    tables = [case.grid, case.equation, case.boundary, case.numerics, *case.sources, *case.regions]
    step = problem.march.step
    world = [
        jax.__version__,
        platform.xla_flags(),
        transport.name,
        topology,
        transport.team.size,
        choices,
        step.registers,
        len(step.times),
        case.parallel.model_dump(exclude={"tune"}),
    ]
    parts = [*world, *(_without_numbers(table.model_dump()) for table in tables)]
    digest = hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()
    return None if directory is None else directory / f"{digest[:32]}.tuning"


def _without_numbers(table: Any) -> Any:
    """What of a table decides what is computed: of real numbers whether they are 0."""
    if isinstance(table, dict):
        return {key: _without_numbers(value) for key, value in table.items()}
    if isinstance(table, list | tuple):
        return [_without_numbers(value) for value in table]
    return bool(table) if isinstance(table, float) else table


def _read(file: Path | None) -> Tuning | None:
    try:
        found = json.loads(file.read_bytes()) if file is not None else None
        return found and Tuning(
            int(found["stages"]),
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
        shared = [axis for axis in range(block.ndim) if not touches_both(exchange, axis)]

        def again(_: jax.Array, u: jax.Array) -> jax.Array:
            return exchange_halos(u, block, exchange, shared)

        return {"u": jax.lax.fori_loop(0, count, again, field["u"])}, {}

    return program
