"""`python -m sim verify --orders --exact`: does it converge as it should, and keep what it should keep?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from sim.errors import SimError, Stopped
from sim.verify.accuracy.running import observe
from sim.verify.accuracy.study import Check, CheckResult, Failed, RowResult, Study


def rows(orders: bool, exact: bool, quick: bool) -> list[Study | Check]:
    """What there is to verify: `orders` by manufactured solutions, `exact` solutions and invariants; `quick`: a sample.

    Raises SimError where SymPy, which makes the solutions, is missing.
    """
    try:
        from sim.verify.accuracy import equations, integrators, invariants, walls
        from sim.verify.accuracy import exact as solutions
    except ModuleNotFoundError as error:
        raise SimError(f"verify needs {error.name}, which is not installed; pip install 'halostep[verify]'") from error
    found: list[Study | Check] = []
    if orders:
        found += [*equations.studies(), *walls.studies(), *integrators.studies()]
    if exact:
        found += [*solutions.studies(), *invariants.checks()]
    return [row for row in found if row.quick or not quick]


def results(of: Sequence[Study | Check]) -> Iterator[RowResult]:
    """What comes of each, one after the other; one that can't be run has failed, and says why.

    Raises SimError where a signal stopped it.
    """
    # A terminal is told what is being waited for.
    with Console(stderr=True).status("") as status:
        for number, row in enumerate(of, 1):
            status.update(f"{number} of {len(of)}: {row.family}: {row.name}")
            try:
                yield observe(row) if isinstance(row, Study) else CheckResult(row, row.measure())
            except Stopped:
                # What it says of going on is not for a directory that does not stay.
                raise SimError(f"verify was stopped at {row.name}, {number} of {len(of)}; start it again") from None
            except SimError as error:
                yield Failed(row, str(error))


def open_folder(folder: Path) -> None:
    """Make a folder for pictures, before anything is computed for it.  Raises SimError where none can be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SimError(f"--plots: {folder} can't be made: {error.strerror}; give a folder that can") from error
    if not os.access(folder, os.W_OK):
        raise SimError(f"--plots: {folder} can't be written in; give a folder that can")


def draw_all(found: Sequence[RowResult], folder: Path) -> list[Path]:
    """A PNG in an open folder for each family that has orders.  Raises SimError where it can't be saved."""
    from sim.verify.accuracy.chart import draw
    from sim.verify.accuracy.study import Order

    orders = [result for result in found if isinstance(result, Order)]
    paths = []
    try:
        for family in dict.fromkeys(order.study.family for order in orders):
            paths.append(folder / f"{family.replace(' ', '-')}.png")
            paths[-1].write_bytes(draw(family, [order for order in orders if order.study.family == family]))
    except OSError as error:
        raise SimError(f"--plots: {folder} can't be written: {error}; give a folder that can") from error
    return paths
