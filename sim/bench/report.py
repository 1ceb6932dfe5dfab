"""What was measured, as a Markdown table a work, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sim.bench.contestants.roster import MEMCPY
from sim.bench.measuring import Standing


def to_dict(standings: Sequence[Standing]) -> list[dict[str, Any]]:
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
        for s in standings
    ]


def to_table(standings: Sequence[Standing], everybody: Sequence[Standing] = ()) -> str:
    """Who takes part in a work, as Markdown, and a line for each who doesn't.

    everybody: also on works before this one, of which the first on as many cells is set beside it.
    """
    work = standings[0].work
    rounds = max(len(s.seconds) for s in standings)
    once = ", slow ones of one" if any(0 < len(s.seconds) < rounds for s in standings) else ""
    fewer = min(s.work.steps for s in standings)
    steps = f"{work.steps} steps" + (f" (slow ones {fewer})" if fewer < work.steps else "")
    lines = [f"{work.name}, {steps}, medians of {rounds} round{'s' * (rounds != 1)}{once}", ""]
    rows = [_row(s, standings, _first(s, everybody)) for s in standings if s.teff is not None]
    if rows:
        lines += ["| " + " | ".join(rows[0]) + " |", "|---|" + "---:|" * (len(rows[0]) - 2) + "---|"]
        lines += ["| " + " | ".join(row.values()) + " |" for row in rows]
    absent = [f"- {s.contestant.name}: {s.why}" for s in standings if s.why]
    return "\n".join([*lines, *([""] if absent else []), *absent])


def _first(standing: Standing, everybody: Sequence[Standing]) -> Standing | None:
    """Of the same contestant, on the first work of that shape, if that is another one."""
    same = (
        s for s in everybody if (s.contestant.name, s.work.shape) == (standing.contestant.name, standing.work.shape)
    )
    first = next(same, standing)
    return None if first is standing else first


def _row(standing: Standing, all_of_them: Sequence[Standing], first: Standing | None) -> dict[str, str]:
    work, teff, seconds = standing.work, standing.teff or 0.0, standing.median or 0.0
    memcpy = next((s.teff for s in all_of_them if s.contestant.name == MEMCPY), None)
    best = max((s.teff or 0.0 for s in all_of_them if s.contestant.ours), default=0.0)
    is_copy = standing.contestant.name == MEMCPY
    row = {
        "": standing.contestant.name,
        "T_eff, GB/s": f"{teff:.1f}",
        "Gcell/s": "" if is_copy else f"{work.gigacells(seconds):.2f}",
    }
    if memcpy:
        row["× memcpy"] = f"{teff / memcpy:.2f}"
    if any(not s.contestant.ours for s in all_of_them):
        row["halostep's best is faster by"] = "" if standing.contestant.ours or not best else f"{best / teff:.2f}"
    if first is not None:
        ratio = standing.faster_than(first)
        row[f"cells/s × {first.work.name}"] = "" if is_copy or ratio is None else f"{ratio:.2f}"
    if work.every:
        row["spent on outputs"] = f"{standing.writing:.1%}"
    if work.lean:
        peak = standing.peak_bytes
        row["peak memory, GB"] = f"{peak / 1e9:.2f}"
        row["in fields"] = f"{peak / work.field_bytes:.2f}"
    row["answer"] = "" if is_copy else "right" if standing.right else f"WRONG by {standing.error:.1e}"
    return row
