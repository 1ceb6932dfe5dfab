"""`sim cases`: what is built in."""

from __future__ import annotations

import argparse
from typing import Any

from sim.launcher import is_speaker


def add(commands: Any) -> None:
    commands.add_parser("cases", help="list the built-in cases").set_defaults(do=_cases)


def _cases(_: argparse.Namespace) -> int:
    from sim import casefile

    if is_speaker():
        for name in casefile.builtin_names():
            mark = "  (default)" if name == casefile.DEFAULT else ""
            print(f"{name:<12} {casefile.load(name).title}{mark}")
    return 0
