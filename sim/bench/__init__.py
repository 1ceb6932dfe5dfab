"""`python -m sim bench`: our loop, memory, and what the user would use instead, on the same work in one run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.bench.contestants.roster import Contestant
    from sim.bench.measuring import Entry
    from sim.bench.work import Work

EXIT_WRONG = 1
_ROUNDS = 3


def bench(
    quick: bool = False,
    as_json: bool = False,
    plot: Path | None = None,
    works: Sequence[str] = (),
    only: Sequence[str] = (),
) -> int:
    """Measure all contestants on all works, in turn, and print medians and ratios at the end.

    plot: where to draw a bar chart, as what its name ends in.  works: instead of ours, as `work_of` reads them.
    only: contestants whose names contain one of these.  Returns the exit status: 1 where an answer was wrong or one of
    halostep's own ways failed.  Raises SimError where a launcher started it, something isn't known, or the chart can't
    be written.
    """
    from rich.console import Console

    from sim.bench import work
    from sim.bench.asked import work_of
    from sim.bench.measuring import run_in_turn
    from sim.bench.report import to_dict, to_table
    from sim.launcher import refuse_launchers

    refuse_launchers("bench")
    _check_chart(plot)
    contestants = _chosen(only)
    chosen = [work_of(text) for text in works] or (work.QUICK if quick else work.FULL)
    measured = [entries for each in chosen if (entries := _enrolled(contestants, each, quick))]
    everybody = [entry for entries in measured for entry in entries]
    with Console(stderr=True).status("") as status:
        run_in_turn(everybody, _ROUNDS, status.update)
    if as_json:
        print(json.dumps({"bench": to_dict(everybody)}), flush=True)
    else:
        for entries in measured:
            print(to_table(entries, everybody), end="\n\n", flush=True)
    if plot is not None:
        _draw(measured, plot)
    ours_or_wrong = any(s.failed and (s.contestant.ours or not s.right) for s in everybody)
    return EXIT_WRONG if ours_or_wrong else 0


def _enrolled(contestants: Sequence[Contestant], work: Work, quick: bool) -> list[Entry]:
    """All contestants on a work; only ours where it leaves files, which peers don't."""
    from sim.bench.measuring import enrolled

    taking_part = [c for c in contestants if c.ours or not work.every]
    return enrolled(taking_part, work, once=work.lean or (quick and work.every > 0))


def _chosen(only: Sequence[str]) -> list[Contestant]:
    from sim.bench.contestants.roster import roster
    from sim.errors import SimError

    everybody = roster()
    chosen = [c for c in everybody if not only or any(part.lower() in c.name.lower() for part in only)]
    if not chosen:
        raise SimError(
            f"--only {' '.join(only)}: no contestant is called that; there are {', '.join(c.name for c in everybody)}"
        )
    return chosen


def _check_chart(plot: Path | None) -> None:
    from sim.bench.chart import check_kind
    from sim.output.target import check_target

    if plot is None:
        return
    check_target(plot, remedy="use another --plot")
    check_kind(plot)


def _draw(measured: Sequence[Sequence[Entry]], plot: Path) -> None:
    from sim.bench.chart import draw
    from sim.errors import SimError

    try:
        draw(measured, plot)
    except (OSError, ValueError) as error:
        raise SimError(f"the chart {plot} can't be written: {error}; use another --plot, such as bench.png") from None
