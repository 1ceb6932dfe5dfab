"""`sim bench`: how fast is it, beside others, and on more ranks?"""

from __future__ import annotations

import argparse
from typing import Any

from sim.commands import options
from sim.errors import SimError
from sim.launcher import refuse_launchers


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
    _check(arguments)
    if arguments.scaling:
        from sim.bench.scaling import scaling

        return scaling(arguments.quick, arguments.json, arguments.machine)
    if arguments.solvers or arguments.writing:
        return _of_parts(arguments)
    from sim.bench import bench

    return bench(arguments.quick, arguments.json, arguments.plot, arguments.works, arguments.only)


def _check(arguments: argparse.Namespace) -> None:
    """Raise SimError for options of which one would be left out without a word."""
    modes = [f"--{name}" for name in ("scaling", "solvers", "writing") if getattr(arguments, name)]
    if len(modes) > 1:
        raise SimError(f"{' and '.join(modes)} are measured one at a time; leave all but one out")
    if modes and (arguments.plot or arguments.works or arguments.only):
        raise SimError(f"--plot, --work and --only are not for {modes[0]}; leave them out")
    if arguments.machine and not arguments.scaling:
        raise SimError("--machine is for --scaling; leave it out")
    if arguments.quick and arguments.writing:
        raise SimError("--quick is not for --writing, which has one size; leave it out")


def _of_parts(arguments: argparse.Namespace) -> int:
    refuse_launchers("bench")
    if arguments.solvers:
        from sim.bench.solving import solving

        return solving(arguments.quick, arguments.json)
    from sim.bench.writing import writing

    print(writing(arguments.writing).told(arguments.json))
    return 0
