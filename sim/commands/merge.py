"""`sim merge`: the files of a run as one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sim.commands import options
from sim.launcher import is_speaker


def add(commands: Any) -> None:
    merge = commands.add_parser(
        "merge",
        help="make one plain file of a run's snapshots",
        description="Copy all snapshots of a run into one file that needs no other, with both views of the fields: "
        "netCDF-4/CF for xarray, VTKHDF for ParaView.",
    )
    merge.add_argument("directory", type=Path, metavar="DIR", help="the directory of a run")
    merge.add_argument("--output", type=options.file, metavar="FILE", help="where to (default: DIR/merged.h5)")
    merge.add_argument("--extra", metavar="NAME", help="the further output of that name instead of the snapshots")
    merge.add_argument("--compress", choices=("gzip",), help="pack the fields")
    merge.set_defaults(do=_merge)


def _merge(arguments: argparse.Namespace) -> int:
    if is_speaker():
        from sim.output.merge import merge

        print(merge(arguments.directory, arguments.output, arguments.extra, arguments.compress is not None))
    return 0
