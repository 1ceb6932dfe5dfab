"""`sim bench`: how fast is it, beside others?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    bench = commands.add_parser(
        "bench",
        help="measure the time loop beside memcpy and other ways to write it",
        description="Run the same steps by halostep, by C with OpenMP, and by each of Devito, numba, torch and numpy "
        "that is installed, in turn, and print medians and ratios.  Exit status 1: an answer was wrong.",
    )
    bench.add_argument("--quick", action="store_true", help="smaller grids: under three minutes on two cores")
    bench.add_argument("--json", action="store_true", help="print all that was measured as one JSON object")
    bench.add_argument("--plot", type=Path, metavar="FILE", help="draw a bar chart, as PNG")
    bench.set_defaults(do=_bench)


def _bench(arguments: argparse.Namespace) -> int:
    from sim.bench import bench

    return bench(arguments.quick, arguments.json, arguments.plot)
