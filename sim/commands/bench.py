"""`sim bench`: how fast is it, beside others, and on more ranks?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sim.commands import options
from sim.errors import SimError


def add(commands: Any) -> None:
    bench = commands.add_parser(
        "bench",
        help="measure the time loop beside memcpy and other ways to write it",
        description="Run the same steps by halostep, by C with OpenMP, and by each of Devito, numba, torch, py-pde and "
        "numpy that is installed, in turn, and print medians and ratios.  Exit status 1: an answer was wrong.",
    )
    bench.add_argument("--quick", action="store_true", help="smaller grids: under three minutes on two cores")
    bench.add_argument("--json", action="store_true", help="print all that was measured as one JSON object")
    bench.add_argument("--plot", type=options.file, metavar="FILE", help="draw a bar chart, as PNG, PDF or SVG")
    bench.add_argument(
        "--work",
        dest="works",
        action="append",
        default=[],
        metavar="NxN[,…]",
        help="what to measure, e.g. 4096x4096,float64,48 (steps); also alpha=field, every=1000, lean; may be repeated",
    )
    bench.add_argument("--only", action="append", default=[], metavar="NAME", help="measure those whose names hold it")
    bench.add_argument(
        "--scaling",
        action="store_true",
        help="measure strong and weak scaling over the ranks at hand and what an exchange costs, for `sim plan`",
    )
    bench.add_argument(
        "--solvers", action="store_true", help="measure what super-time-stepping and multigrid save, and text costs"
    )
    bench.add_argument(
        "--writing", type=options.directory, metavar="DIR", help="measure a snapshot beside dd, on DIR's disk"
    )
    bench.add_argument(
        "--machine", type=options.file, metavar="FILE", help="where --scaling saves it (default: your cache)"
    )
    bench.set_defaults(do=_bench)


def _bench(arguments: argparse.Namespace) -> int:
    if arguments.scaling:
        if arguments.plot or arguments.works or arguments.only:
            raise SimError("--plot, --work and --only are not for --scaling; leave them out")
        from sim.bench.scaling import scaling

        return scaling(arguments.quick, arguments.json, arguments.machine)
    if arguments.solvers or arguments.writing:
        if arguments.plot or arguments.works or arguments.only or arguments.machine:
            raise SimError("--plot, --work, --only and --machine are not for --solvers and --writing; leave them out")
        return _of_parts(arguments)
    if arguments.machine:
        raise SimError("--machine is for --scaling; leave it out")
    from sim.bench import bench

    return bench(arguments.quick, arguments.json, arguments.plot, arguments.works, arguments.only)


def _of_parts(arguments: argparse.Namespace) -> int:
    from sim.bench import refuse_launchers

    refuse_launchers("bench")
    if arguments.writing:
        from sim.bench.writing import writing

        print(writing(Path(arguments.writing)).told(arguments.json))
    if arguments.solvers:
        from sim.bench.solving import solving

        return solving(arguments.quick, arguments.json)
    return 0
