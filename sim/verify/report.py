"""The table, which is Markdown as it stands, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sim.verify.outcome import Outcome, all_equal, serial_digest

_DIGITS = 16
_COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("transport", "left"),
    ("ranks × devices", "right"),
    ("process grid", "right"),
    ("ghost depth", "right"),
    ("T_eff, GB/s", "right"),
    (f"SHA-256 (first {_DIGITS} digits)", "left"),
    ("equal", "left"),
)
_VERDICT = {True: Text("yes", "green"), False: Text("NO", "bold red"), None: Text("?")}
_WIDE = 200


def print_json(title: str, outcomes: Sequence[Outcome]) -> None:
    print(json.dumps(to_dict(title, outcomes)), flush=True)


def to_dict(title: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {"case": title, "equal": all_equal(outcomes), "runs": [asdict(o) for o in outcomes]}


def print_table(title: str, outcomes: Sequence[Outcome]) -> None:
    # Wider than any row: a wrapped row would be no Markdown.
    console = Console(width=_WIDE, highlight=False)
    table = Table(box=box.MARKDOWN)
    for heading, justify in _COLUMNS:
        table.add_column(heading, justify=justify, no_wrap=True)
    for outcome in outcomes:
        table.add_row(*_row(outcome))
    print(f"{title}\n")
    with console.capture() as drawn:
        console.print(table)
    # Rich draws this box with empty lines for its edges.
    print(drawn.get().strip(), end="\n\n")
    for why in dict.fromkeys(outcome.why for outcome in outcomes if outcome.why):
        alike = [outcome for outcome in outcomes if outcome.why == why]
        said = "can't run here" if alike[0].status == "absent" else "FAILED"
        print(f"- {'; '.join(f'{o.way} ({o.ranks} × {o.devices})' for o in alike)}: {said}: {why}")
    print(_verdict(outcomes), flush=True)


def _row(outcome: Outcome) -> tuple[Text, ...]:
    head = (outcome.way, f"{outcome.ranks} × {outcome.devices}")
    if outcome.status != "ran":
        word = Text("can't run here", "yellow") if outcome.status == "absent" else Text("FAILED", "bold red")
        return (*map(Text, head), *map(Text, ("", "", "", "")), word)
    grid, speed = " × ".join(map(str, outcome.process_grid)), f"{outcome.teff or 0.0:.1f}"
    digits = (outcome.sha256 or "")[:_DIGITS]
    return (*map(Text, (*head, grid, str(outcome.ghost_depth), speed, digits)), _VERDICT[outcome.equal])


def _verdict(outcomes: Sequence[Outcome]) -> str:
    ran = sum(o.status == "ran" for o in outcomes)
    said = "the same to the bit" if all_equal(outcomes) else "NOT all the same"
    return f"{ran} of {len(outcomes)} ran: {said}; SHA-256 of serial's field: {serial_digest(outcomes) or 'none'}"
