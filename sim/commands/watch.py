"""`sim watch`: follow a run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    watch = commands.add_parser(
        "watch",
        help="follow a run from another terminal",
        description="Show how far a run is until it is over.  Exit status 0: it is complete; 1: it failed, stopped or "
        "died; 2: it is no run.",
    )
    watch.add_argument("directory", type=Path, metavar="DIR", help="a run directory, such as runs/heat2d/latest")
    watch.add_argument("--interval", type=float, default=1.0, metavar="S", help="seconds between looks (default: 1)")
    watch.set_defaults(do=_watch)


def _watch(arguments: argparse.Namespace) -> int:
    from sim.looking.recorded import looking_at
    from sim.looking.watch import watch

    with looking_at(arguments.directory):
        return watch(arguments.directory, arguments.interval)
