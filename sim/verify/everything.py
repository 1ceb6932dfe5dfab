"""`python -m sim verify`: orders, exact solutions, transports; what is asked for of these."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.launcher import refuse_launchers
from sim.verify import EXIT_UNEQUAL, compared
from sim.verify import report as transports
from sim.verify.accuracy import draw_all, open_folder, report, results, rows
from sim.verify.outcome import all_equal
from sim.verify.subject import users_subject


@dataclass(frozen=True)
class Wanted:
    """What is to be verified; quick: of orders and exact solutions a sample.  case: the transports'."""

    orders: bool
    exact: bool
    transports: bool
    quick: bool = False
    case: str | None = None


def verify_all(wanted: Wanted, as_json: bool = False, plots: Path | None = None) -> int:
    """Verify it, print what came of it, draw errors over h in `plots`.

    Returns the exit status: 0 where all orders and bounds are met, and what transports can run here agree.
    Raises SimError where it is started by a launcher, lacks SymPy, can't draw, or the case can't serve.
    """
    refuse_launchers("verify")
    # What can't be is said before anything is computed for it.
    if plots is not None:
        open_folder(plots)
    if wanted.case is not None:
        users_subject(wanted.case)
    found = list(results(rows(wanted.orders, wanted.exact, wanted.quick)))
    drawn = [] if plots is None else draw_all(found, plots)
    good = all(result.good for result in found)
    said: dict[str, Any] = {"rows": [report.to_dict(result) for result in found], "plots": list(map(str, drawn))}
    if not as_json:
        print("\n".join([report.to_table(found), *map(str, drawn)]), flush=True)
    if wanted.transports:
        title, outcomes = compared(wanted.case)
        good = good and all_equal(outcomes)
        said["transports"] = transports.to_dict(title, outcomes)
        if not as_json:
            print()
            transports.print_table(title, outcomes)
    if as_json:
        print(json.dumps({"good": good, **said}), flush=True)
    return 0 if good else EXIT_UNEQUAL
