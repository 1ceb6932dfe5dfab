"""`sim verify`: does it compute what it should?"""

from __future__ import annotations

import argparse
from typing import Any


def add(commands: Any) -> None:
    verify = commands.add_parser(
        "verify",
        help="run one case every way and compare the fields",
        description="Run one case by every transport, each a program of its own, and compare the final fields to the "
        "bit.  Exit status 0: all that can run here are equal; 1: one differs or fails.",
    )
    verify.add_argument("--transports", action="store_true", required=True, help="what is compared")
    verify.add_argument(
        "case", nargs="?", help="a built-in case or a TOML file (default: a small one with all kinds of walls)"
    )
    verify.add_argument("--json", action="store_true", help="print all that came of it as one JSON object")
    verify.set_defaults(do=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    from sim.verify import verify

    return verify(arguments.case, arguments.json)
