"""`sim compare`: are two runs the same?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    compare = commands.add_parser(
        "compare",
        help="say how far two runs are apart",
        description="Norms of the difference of each field at each time, and whether the bytes are the same.  Exit "
        "status 0: the same, or within --tolerance; 1: they differ; 2: they can't be compared.",
    )
    compare.add_argument("a", type=Path, metavar="A", help="a run directory, or an HDF5 file that a run wrote")
    compare.add_argument("b", type=Path, metavar="B", help="another")
    compare.add_argument("--field", metavar="NAME", help="this one alone (default: all)")
    compare.add_argument(
        "--tolerance", type=float, metavar="T", help="allow max |B − A| ≤ T · max |A| (default: same bytes)"
    )
    compare.add_argument("--json", action="store_true", help="print it as one JSON object")
    compare.set_defaults(do=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    from sim.looking.compare import compare
    from sim.looking.recorded import looking_at

    with looking_at(arguments.a, arguments.b):
        return compare(arguments.a, arguments.b, arguments.field, arguments.tolerance, arguments.json)
