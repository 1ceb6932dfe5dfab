"""`sim info`: what ran, where is it, is it whole?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    info = commands.add_parser(
        "info",
        help="say what a run directory holds, and whether it is whole",
        description="What ran, how far it is, and whether all that it names is there, fits and is finite.  "
        "Exit status 0: it is whole (so far); 1: something is missing or damaged; 2: it is no run.",
    )
    info.add_argument("directory", type=Path, metavar="DIR", help="a run directory, such as runs/heat2d/latest")
    info.add_argument("--quick", action="store_true", help="look at files and shapes, but read no values")
    info.add_argument("--json", action="store_true", help="print it as one JSON object")
    info.set_defaults(do=_info)


def _info(arguments: argparse.Namespace) -> int:
    from sim.looking.info import info
    from sim.looking.recorded import looking_at

    with looking_at(arguments.directory):
        return info(arguments.directory, arguments.json, arguments.quick)
