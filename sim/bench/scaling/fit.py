"""From times of runs to rates of a rank, and back to see what the rates foretell."""

from __future__ import annotations

import statistics

import numpy as np

from sim.bench.measuring import Standing
from sim.bench.scaling.series import Series, Three
from sim.cost import Core, Cost, Link, Load, stage_cost
from sim.measured import Check, Rate
from sim.topology import Topology

_NO_LIMIT = 1e15


def step_seconds(standing: Standing) -> float:
    """Of the median round.  The heat equation by forward Euler has one stage a step."""
    return statistics.median(standing.seconds) / standing.work.steps


def foretold(standing: Standing, core: Core, link: Link) -> Cost:
    """What a step of such a run should cost, on the process grid and at the depth that it had."""
    taken = standing.taken[-1]
    load = Load(
        Topology(standing.work.shape, taken.blocks),
        width=1,
        itemsize=np.dtype(standing.work.dtype).itemsize,
        in_slabs=taken.in_slabs,
    )
    return stage_cost(load, taken.depth, core, link)


def fit_rate(runs: Three, link: Link, cache: int) -> Rate:
    """The rate in cache from the small run, memory's from what it leaves of the time step by step, that in slabs from
    what both leave of the large run's."""
    unit = foretold(runs.small, Core(1.0, 1.0, _NO_LIMIT, cache), link)
    rate = (unit.cells + unit.ghosts) / _left(runs.small, unit.exchange)
    through = foretold(runs.plain, Core(rate, rate, 1.0, cache), link)
    left = step_seconds(runs.plain) - through.cells - through.exchange
    bandwidth = through.memory / left if left > through.memory / _NO_LIMIT else None
    in_slabs = None
    if runs.large.taken[-1].in_slabs:
        slab = foretold(runs.large, Core(rate, 1.0, bandwidth or _NO_LIMIT, cache), link)
        in_slabs = (slab.cells + slab.ghosts) / _left(runs.large, slab.exchange + slab.memory)
    work = runs.small.work
    return Rate(ndim=work.ndim, dtype=work.dtype, cells_per_second=rate, in_slabs=in_slabs, bytes_per_second=bandwidth)


def _left(run: Standing, known: float) -> float:
    """Seconds of a step that are spent on cells, where the rest takes so long: a tenth of it at least."""
    seconds = step_seconds(run)
    return max(seconds - known, seconds / 10)


def checks(runs: Series, core: Core, link: Link) -> list[Check]:
    """Runs that the rates were not fitted to, as they should have been and as they were."""
    fitted = {id(three.large) for three in runs.rates}
    found = []
    for what, line in (("strong", runs.strong), ("weak", runs.weak)):
        for ranks, run in line.items():
            if id(run) not in fitted and not (what == "weak" and ranks == 1):
                predicted = foretold(run, core, link).seconds
                found.append(Check(what=what, ranks=ranks, predicted=predicted, measured=step_seconds(run)))
    return found
