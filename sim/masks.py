"""Parts of space that a formula says: is there a cell in each?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sim.case import Case
from sim.case.region import Placed
from sim.errors import SimError
from sim.sources import layers_of, of_formula
from sim.team import Team
from sim.topology import split
from solvers.grid import Grid


def check_masks(team: Team, case: Case, grid: Grid) -> None:
    """Raise SimError, on all ranks alike, where the formula of a region or a probe holds in no cell.  Collective.

    Of boxes and balls that is known from their edges (`sim.case.acting`).
    """
    for key, placed in _placed(case):
        if placed.where is not None and not any(team.gather(_holds(placed.where, grid, team))):
            raise SimError(
                f'{key}.where = "{placed.where}" holds at no centre of a cell; give one that does, or a finer grid'
            )


def _placed(case: Case) -> Iterator[tuple[str, Placed]]:
    yield from ((f"regions.{number}", region) for number, region in enumerate(case.regions))
    if case.probes is not None:
        yield from ((f"probes.regions.{name}", region) for name, region in case.probes.regions.items())


def _holds(where: str, grid: Grid, team: Team) -> bool:
    """Whether it does in this rank's share of the layers, however blocks are cut."""
    first, *others = (slice(0, cells) for cells in grid.shape)
    evaluate, mine = of_formula(where, grid), slice(*split(first.stop, team.size, team.rank))
    return any(bool(np.any(evaluate(box))) for box in layers_of((mine, *others)))
