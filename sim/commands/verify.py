"""`sim verify`: does it compute what it should?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sim.commands import options


def add(commands: Any) -> None:
    verify = commands.add_parser(
        "verify",
        help="orders of accuracy, exact solutions, and one case every way",
        description="Measure what the numerics promise: orders of accuracy by manufactured solutions, exact solutions, "
        "what must be conserved or symmetric; and that all transports give one field to the bit.  Without an option, "
        "all of it.  Exit status 0: all is as it should be; 1: something is not.",
    )
    verify.add_argument("--orders", action="store_true", help="the order of equations, boundaries and integrators")
    verify.add_argument("--exact", action="store_true", help="exact solutions, conservation, symmetry, amplification")
    verify.add_argument("--transports", action="store_true", help="one case by every transport, compared to the bit")
    verify.add_argument("--quick", action="store_true", help="a sample of orders and exact solutions")
    verify.add_argument(
        "case",
        nargs="?",
        help="for --transports: a built-in case or a TOML file (default: all kinds of walls)",
    )
    verify.add_argument("--json", action="store_true", help="print all that came of it as one JSON object")
    verify.add_argument(
        "--plots", metavar="DIR", type=options.directory, help="draw errors over h there, a PNG a family"
    )
    verify.set_defaults(do=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    from sim.errors import SimError
    from sim.verify import verify
    from sim.verify.everything import Wanted, verify_all

    orders, exact, transports = arguments.orders, arguments.exact, arguments.transports
    if arguments.case is not None and not transports:
        raise SimError(f"case {arguments.case} is for --transports; give that option, or no case")
    if transports and not (orders or exact):
        if arguments.plots is not None or arguments.quick:
            raise SimError("--plots and --quick are for --orders and --exact; give one of these too")
        return verify(arguments.case, arguments.json)
    if not (orders or exact):
        orders, exact, transports = True, True, not arguments.quick
    wanted = Wanted(orders, exact, transports, arguments.quick, arguments.case)
    plots = None if arguments.plots is None else Path(arguments.plots)
    return verify_all(wanted, arguments.json, plots)
