"""`python -m sim bench`: our loop, memory, and what the user would use instead, on the same work in one run."""

from __future__ import annotations

import os
from pathlib import Path

EXIT_WRONG = 1


def bench(quick: bool = False, as_json: bool = False, plot: Path | None = None) -> int:
    """Measure all contestants on all works, in turn, and print medians and ratios.

    plot: where to draw a bar chart, as PNG.  Returns the exit status: 1 where an answer was wrong or one of
    halostep's own ways failed.  Raises SimError where a launcher started it, or the chart can't be written.
    """
    from rich.console import Console

    from sim.bench import report
    from sim.bench.contestants.roster import roster
    from sim.bench.measuring import measure
    from sim.bench.work import FULL, QUICK
    from sim.errors import SimError
    from sim.launcher import launched

    launch = launched()
    if launch is not None and launch.size > 1:
        raise SimError(
            f"bench starts its ranks itself, and {launch.launcher} has started {launch.size} of it; "
            f"run it without a launcher"
        )
    if plot is not None and not os.access(plot.parent, os.W_OK):
        raise SimError(f"the chart {plot} can't be written: {plot.parent} is no directory of yours; use another --plot")
    contestants = roster()
    with Console(stderr=True).status("") as status:
        works = [measure(contestants, work, 3, status.update) for work in (QUICK if quick else FULL)]
    if as_json:
        report.print_json(works)
    else:
        report.print_tables(works)
    if plot is not None:
        try:
            report.draw(works, plot)
        except (OSError, ValueError) as error:
            raise SimError(
                f"the chart {plot} can't be written: {error}; use another --plot, such as bench.png"
            ) from None
    standings = [standing for work in works for standing in work]
    bad = [s for s in standings if not s.right or (s.contestant.ours and s.why and not s.contestant.absent)]
    return EXIT_WRONG if bad else 0
