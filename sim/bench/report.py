"""What was measured: a Markdown table a work, JSON, a bar chart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sim.bench.contestants.roster import MEMCPY
from sim.bench.measuring import Standing

_HEADINGS = ("", "T_eff, GB/s", "Gcell/s", "× memcpy", "halostep's best is faster by", "answer")


def to_dict(standings: Sequence[Standing]) -> list[dict[str, Any]]:
    return [
        {
            "work": s.work.name,
            "steps": s.work.steps,
            "contestant": s.contestant.name,
            "seconds": s.seconds,
            "teff": s.teff,
            "error": s.error if s.seconds else None,
            "right": s.right if s.seconds else None,
            "why": s.why,
        }
        for s in standings
    ]


def print_json(works: Sequence[Sequence[Standing]]) -> None:
    print(json.dumps({"bench": [row for standings in works for row in to_dict(standings)]}), flush=True)


def print_tables(works: Sequence[Sequence[Standing]]) -> None:
    for standings in works:
        work = standings[0].work
        rounds = max(len(s.seconds) for s in standings)
        print(f"\n{work.name}, {work.steps} steps, medians of {rounds} rounds (who takes over 5 s, of one)\n")
        print("| " + " | ".join(_HEADINGS) + " |\n|---|" + "---:|" * (len(_HEADINGS) - 2) + "---|")
        for standing in standings:
            if standing.teff is not None:
                print("| " + " | ".join(_row(standing, standings)) + " |")
        for standing in standings:
            if standing.why:
                print(f"\n- {standing.contestant.name}: {standing.why}")
    print(flush=True)


def _row(standing: Standing, all_of_them: Sequence[Standing]) -> list[str]:
    teff = standing.teff or 0.0
    memcpy = next((s.teff for s in all_of_them if s.contestant.name == MEMCPY), None)
    best = max((s.teff or 0.0 for s in all_of_them if s.contestant.ours), default=0.0)
    is_copy = standing.contestant.name == MEMCPY
    return [
        standing.contestant.name,
        f"{teff:.1f}",
        "" if is_copy else f"{teff / 2 * standing.work.cells**standing.work.ndim / standing.work.field_bytes:.2f}",
        f"{teff / memcpy:.2f}" if memcpy else "?",
        "" if standing.contestant.ours else f"{best / teff:.2f}",
        "" if is_copy else "right" if standing.right else f"WRONG by {standing.error:.1e}",
    ]


def draw(works: Sequence[Sequence[Standing]], path: Path) -> None:
    """Bars of T_eff, a panel a work."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(works), figsize=(5 * len(works), 4), squeeze=False, layout="constrained")
    for panel, standings in zip(panels[0], works, strict=True):
        shown = [(s, s.teff) for s in reversed(standings) if s.teff is not None]
        colours = ["tab:orange" if s.contestant.ours else "tab:gray" for s, _ in shown]
        panel.barh([s.contestant.name for s, _ in shown], [teff for _, teff in shown], color=colours)
        panel.set_title(standings[0].work.name)
        panel.set_xlabel("effective throughput, GB/s")
        for s, teff in shown:
            if s.contestant.name == MEMCPY:
                panel.axvline(teff, color="tab:gray", linestyle=":")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
