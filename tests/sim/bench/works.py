"""Small works, and who takes them."""

from __future__ import annotations

import sys
from dataclasses import replace

from sim.bench.contestants.halostep import Taken
from sim.bench.contestants.roster import Contestant
from sim.bench.measuring import Entry, enrolled, run_in_turn
from sim.bench.work import Work

WORKS = [
    Work((40, 64), "float32", 31),
    Work((33, 33), "float64", 20),
    Work((17, 20, 36), "float32", 12),
    Work((20, 17, 64), "float64", 9),
]
FIELDS = [replace(WORKS[1], alpha="field"), replace(WORKS[2], alpha="field")]


def taken_in_turn(contestants: list[Contestant], work: Work, rounds: int) -> list[Entry]:
    entries = enrolled(contestants, work)
    run_in_turn(entries, rounds, lambda _: None)
    return entries


def says(name: str, code: str, absent: str = "", ours: bool = False) -> Contestant:
    def read(_: Work, found: dict[str, float]) -> Taken:
        return Taken(found["seconds"], found["error"])

    return Contestant(name, lambda *_: [sys.executable, "-c", code], read, lambda _: absent, ours)
