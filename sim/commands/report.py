"""`sim report`: all of a run on one page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sim.commands import options


def add(commands: Any) -> None:
    report = commands.add_parser(
        "report",
        help="write one HTML page about a run",
        description="One HTML file that needs nothing else: summary, pictures, time series, timings, provenance.",
    )
    report.add_argument("directory", type=Path, metavar="DIR", help="a run directory, such as runs/heat2d/latest")
    report.add_argument(
        "--output", type=options.file, metavar="FILE", help="where to write it (default: DIR/report.html)"
    )
    report.set_defaults(do=_report)


def _report(arguments: argparse.Namespace) -> int:
    from sim.looking.recorded import looking_at
    from sim.looking.report import report

    with looking_at(arguments.directory):
        print(report(arguments.directory, arguments.output), flush=True)
    return 0
