"""`sim plot`: a picture of a field."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sim.commands import options


def add(commands: Any) -> None:
    plot = commands.add_parser(
        "plot",
        help="draw a field of a run",
        description="Draw a field: lines in 1-D, a map in 2-D, in 3-D the three middle planes or a --slice.",
    )
    plot.add_argument("directory", type=Path, metavar="DIR", help="a run directory, or an HDF5 file that a run wrote")
    plot.add_argument("--field", metavar="NAME", help="which one (default: the first)")
    plot.add_argument("--time", type=float, metavar="T", help="the snapshot nearest to it (default: the last)")
    plot.add_argument("--gif", action="store_true", help="all times, moving")
    plot.add_argument(
        "--slice",
        dest="cuts",
        action="append",
        default=[],
        metavar="z=0.5",
        help="cut across an axis through the cell nearest to a coordinate; may be repeated",
    )
    plot.add_argument("--output", type=options.file, metavar="FILE", help="PNG or GIF (default: DIR/FIELD.png or .gif)")
    plot.set_defaults(do=_plot)


def _plot(arguments: argparse.Namespace) -> int:
    from sim.looking.plot import plot
    from sim.looking.recorded import looking_at

    a = arguments
    with looking_at(a.directory):
        print(plot(a.directory, a.field, a.time, a.gif, a.cuts, a.output), flush=True)
    return 0
