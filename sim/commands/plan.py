"""`sim plan`: what would it be like on so many ranks?"""

from __future__ import annotations

import argparse
import math
from typing import Any

from sim.commands import options
from sim.errors import SimError


def add(commands: Any) -> None:
    plan = commands.add_parser(
        "plan",
        help="say what a case would be like on so many ranks",
        description="Print the process grid, blocks, memory, messages, the best ghost depth, and by the rates that "
        "`sim bench --scaling` has measured the time of a step and the parallel efficiency.  Runs nothing.",
    )
    plan.add_argument("case", nargs="?", default="heat2d", help="a built-in case or a TOML file (default: heat2d)")
    plan.add_argument("--ranks", type=int, required=True, metavar="N", help="how many there will be")
    plan.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change the case, e.g. --set grid.x.cells=1024; may be repeated",
    )
    plan.add_argument(
        "--machine", type=options.file, metavar="FILE", help="what bench --scaling has saved (default: your cache)"
    )
    plan.add_argument("--latency", type=float, metavar="S", help="seconds that the shortest message takes there")
    plan.add_argument("--bandwidth", type=float, metavar="B", help="bytes a second of a long one")
    plan.add_argument("--json", action="store_true", help="print it as one JSON object")
    plan.set_defaults(do=_plan)


def _plan(arguments: argparse.Namespace) -> int:
    if arguments.ranks < 1:
        raise SimError(f"--ranks must be at least 1; got {arguments.ranks}")
    for name in ("latency", "bandwidth"):
        value = getattr(arguments, name)
        if value is not None and not (math.isfinite(value) and value > 0):
            raise SimError(f"--{name} must be a positive number; got {value}")
    from sim.launcher import is_speaker
    from sim.plan.forecast import forecast
    from sim.plan.report import to_json, to_text

    found = forecast(
        arguments.case,
        arguments.ranks,
        arguments.overrides,
        arguments.machine,
        arguments.latency,
        arguments.bandwidth,
    )
    if is_speaker():
        print(to_json(found) if arguments.json else to_text(found), flush=True)
    return 0
