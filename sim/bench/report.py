"""What was measured, as a Markdown table a work, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sim.bench.contestants.roster import MEMCPY
from sim.bench.measuring import Entry


def to_dict(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    return [
        {
            "work": s.work.name,
            **asdict(s.work),
            "contestant": s.contestant.name,
            "seconds": s.seconds,
            "teff": s.teff,
            "writing": s.writing if s.work.every else None,
            "peak_bytes": s.peak_bytes or None,
            "error": s.error if s.seconds else None,
            "right": s.right if s.seconds else None,
            "why": s.why,
        }
        for s in entries
    ]


def to_table(entries: Sequence[Entry], everybody: Sequence[Entry] = ()) -> str:
    """Who takes part in a work, as Markdown, and a line for each who doesn't.

    everybody: also on works before this one, of which the first on as many cells is set beside it.
    """
    work = entries[0].work
    rounds = max(len(s.seconds) for s in entries)
    once = ", slow ones of one" if any(0 < len(s.seconds) < rounds for s in entries) else ""
    fewer = min(s.work.steps for s in entries)
    steps = f"{work.steps} steps" + (f" (slow ones {fewer})" if fewer < work.steps else "")
    lines = [f"{work.name}, {steps}, medians of {rounds} round{'s' * (rounds != 1)}{once}", ""]
    rows = [_row(s, entries, _first(s, everybody)) for s in entries if s.teff is not None]
    if rows:
        lines += ["| " + " | ".join(rows[0]) + " |", "|---|" + "---:|" * (len(rows[0]) - 2) + "---|"]
        lines += ["| " + " | ".join(row.values()) + " |" for row in rows]
    absent = [f"- {s.contestant.name}: {s.why}" for s in entries if s.why]
    return "\n".join([*lines, *([""] if absent else []), *absent])


def _first(entry: Entry, everybody: Sequence[Entry]) -> Entry | None:
    """Of the same contestant, on the first work of that shape, if that is another one."""
    same = (s for s in everybody if (s.contestant.name, s.work.shape) == (entry.contestant.name, entry.work.shape))
    first = next(same, entry)
    return None if first is entry else first


def _row(entry: Entry, all_of_them: Sequence[Entry], first: Entry | None) -> dict[str, str]:
    work, teff, seconds = entry.work, entry.teff or 0.0, entry.median or 0.0
    memcpy = next((s.teff for s in all_of_them if s.contestant.name == MEMCPY), None)
    best = max((s.teff or 0.0 for s in all_of_them if s.contestant.ours), default=0.0)
    is_copy = entry.contestant.name == MEMCPY
    row = {
        "": entry.contestant.name,
        "T_eff, GB/s": f"{teff:.1f}",
        "Gcell/s": "" if is_copy else f"{work.gigacells(seconds):.2f}",
    }
    if memcpy:
        row["× memcpy"] = f"{teff / memcpy:.2f}"
    if any(not s.contestant.ours for s in all_of_them):
        row["halostep's best is faster by"] = "" if entry.contestant.ours or not best else f"{best / teff:.2f}"
    if first is not None:
        ratio = entry.faster_than(first)
        row[f"cells/s × {first.work.name}"] = "" if is_copy or ratio is None else f"{ratio:.2f}"
    if work.every:
        row["spent on outputs"] = f"{entry.writing:.1%}"
    if work.lean:
        peak = entry.peak_bytes
        row["peak memory, GB"] = f"{peak / 1e9:.2f}"
        row["in fields"] = f"{peak / work.field_bytes:.2f}"
    row["answer"] = "" if is_copy else "right" if entry.right else f"WRONG by {entry.error:.1e}"
    return row
