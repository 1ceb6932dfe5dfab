"""The findings as tables, and as JSON."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sim.doctor.company import Company
from sim.doctor.diagnosis import all_well
from sim.doctor.exchanges import LARGE, SMALL
from sim.doctor.finding import Finding
from sim.doctor.patient import Facts

_COLOURS = {"ok": "green", "note": "yellow", "missing": "yellow", "broken": "bold red"}
_COLUMNS_IN_A_FILE = 120


def print_json(company: Company, findings: Sequence[Finding], ranks: Sequence[Facts], speeds: Sequence[Facts]) -> None:
    answer = {
        "ok": all_well(findings),
        "launch": company.launch and asdict(company.launch),
        "findings": [asdict(finding) for finding in findings],
        "ranks": list(ranks),
        "exchange_bytes": [SMALL, LARGE],
        "exchanges": list(speeds),
    }
    print(json.dumps(answer, allow_nan=False), flush=True)


def print_tables(
    company: Company, findings: Sequence[Finding], ranks: Sequence[Facts], speeds: Sequence[Facts]
) -> None:
    console = Console(width=None if sys.stdout.isatty() else _COLUMNS_IN_A_FILE)
    console.print(_findings(findings), _ranks(ranks), _speeds(speeds))
    print(_verdict(findings), flush=True)


def _verdict(findings: Sequence[Finding]) -> str:
    broken = [finding.what for finding in findings if finding.state == "broken"]
    missing = [finding.what for finding in findings if finding.state == "missing"]
    said = [f"broken: {', '.join(broken)}" if broken else "all well"]
    return "; ".join([*said, *([f"not here, and optional: {', '.join(missing)}"] if missing else [])])


def _findings(findings: Sequence[Finding]) -> Table:
    table = _table("what", "state", "found, and what to do")
    for finding in findings:
        said = Text(finding.fact)
        if finding.remedy:
            said.append(f"\n→ {finding.remedy}", "bold")
        table.add_row(Text(finding.what), Text(finding.state, _COLOURS[finding.state]), said)
    return table


def _ranks(ranks: Sequence[Facts]) -> Table:
    table = _table("rank", "host", "CPUs it may use", "threads", "devices")
    for number, rank in enumerate(ranks):
        kinds = Counter(device.rsplit(" ", 1)[0] for device in rank["jax"].get("devices", ()))
        devices = ", ".join(f"{count} × {kind}" for kind, count in kinds.items())
        cpus = f"{spans(rank['cpus']) or 'unknown'} of {rank['cpus_of_host']}"
        table.add_row(*map(Text, (str(number), rank["host"], cpus, _threads(rank), devices or "none")))
    return table


def _threads(rank: Facts) -> str:
    found = [f"XLA {rank['jax']['threads']}"] if rank["jax"].get("threads") else []
    return "\n".join([*found, *(f"{name}={value}" for name, value in rank["settings"].items())])


def _speeds(speeds: Sequence[Facts]) -> Table:
    table = _table("transport", "between", f"{SMALL} B, µs", f"{LARGE >> 20} MiB, GB/s")
    for speed in speeds:
        if "why" in speed:
            measured = ("–", "–")
        else:
            small, large = speed["seconds"]
            measured = (f"{small * 1e6:.0f}", f"{LARGE / large / 1e9:.2f}")
        table.add_row(*map(Text, (speed["transport"], speed["between"], *measured)))
    return table


def _table(*headings: str) -> Table:
    table = Table()
    for heading in headings:
        right = heading.endswith(("µs", "GB/s"))
        # A path is no use without its end.
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    return table


def spans(numbers: Sequence[int]) -> str:
    """0-3,8 for 0, 1, 2, 3, 8."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in found)
