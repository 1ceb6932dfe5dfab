"""From times of runs to rates of a rank, and back to see what the rates foretell."""

from __future__ import annotations

import math
import statistics

import numpy as np

from sim.bench.measuring import Entry
from sim.bench.scaling.campaign import Campaign, Three
from sim.costs import Choice, CoreRates, Costs, Parts
from sim.measured import Measured, Prediction
from sim.messages import Link, messages
from sim.topology import Ghosts, Topology

_UNIT = CoreRates(1.0, 1.0, 1.0, 1.0)


def step_seconds(entry: Entry) -> float:
    """Of the median round."""
    return statistics.median(entry.seconds) / entry.work.steps


def foretold(entry: Entry, rates: CoreRates, link: Link, cache: int) -> Parts:
    """What a step of such a run should cost, on the process grid, at the depth and in the tiles that it had."""
    return _costs(entry, rates, link, cache).parts(_choice(entry))


def fit_rates(runs: Three, link: Link, cache: int) -> Measured:
    """Each run gives one rate, from what the known ones leave of its time: the small run that in cache, that step by
    step memory's, the large run that beyond the cache, or where its tiles fit into it the seconds to start one."""
    unit = foretold(runs.small, _UNIT, link, cache)
    in_cache = (unit.cells + unit.ghosts) / _left(runs.small, unit.exchange)
    plain, step = foretold(runs.plain, _UNIT, link, cache), step_seconds(runs.plain)
    # Cells may hide behind memory as a whole.
    left = max(step - plain.cells / in_cache - plain.exchange, step / 100)
    memory = plain.memory / left
    known = CoreRates(in_cache, in_cache, memory, 0.0)
    large, rest = foretold(runs.large, known, link, cache), foretold(runs.large, _UNIT, link, cache)
    beyond, tile_seconds = in_cache, 0.0
    if _costs(runs.large, known, link, cache).beyond(_choice(runs.large)):
        beyond = (rest.cells + rest.ghosts) / _left(runs.large, large.memory + large.exchange)
    elif rest.tiles:
        tile_seconds = max(0.0, step_seconds(runs.large) - sum(large)) / rest.tiles
    work = runs.small.work
    return Measured(
        ndim=work.ndim,
        dtype=work.dtype,
        in_cache=in_cache,
        beyond=beyond,
        memory=memory,
        tile_seconds=tile_seconds,
    )


def checks(runs: Campaign, rates: CoreRates, link: Link, cache: int) -> list[Prediction]:
    """Runs that the rates were not fitted to, as they should have been and as they were."""
    fitted = {id(three.large) for three in runs.rates}
    found = []
    for what, line in (("strong", runs.strong), ("weak", runs.weak)):
        for ranks, run in line.items():
            if id(run) not in fitted and not (what == "weak" and ranks == 1):
                predicted = sum(foretold(run, rates, link, cache))
                found.append(Prediction(what=what, ranks=ranks, predicted=predicted, measured=step_seconds(run)))
    return found


def _costs(entry: Entry, rates: CoreRates, link: Link, cache: int) -> Costs:
    taken, itemsize = entry.taken[-1], np.dtype(entry.work.dtype).itemsize
    topology = Topology(entry.work.shape, taken.blocks or (1,) * entry.work.ndim)
    exchange = math.fsum(map(link.seconds, messages(topology, Ghosts(taken.depth), itemsize)))
    return Costs(topology, 1, 2 * itemsize, True, exchange, cache, rates)


def _choice(entry: Entry) -> Choice:
    return Choice(entry.taken[-1].depth, entry.taken[-1].tile)


def _left(run: Entry, known: float) -> float:
    """Seconds of a step that are spent on cells, where the rest takes so long: a tenth of it at least."""
    seconds = step_seconds(run)
    return max(seconds - known, seconds / 10)
