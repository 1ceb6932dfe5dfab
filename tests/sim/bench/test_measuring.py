"""Who fails, is wrong or slow is seen, and how all are set beside each other."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sim.bench import report
from sim.bench.contestants.halostep import Taken
from sim.bench.contestants.roster import halostep
from sim.bench.measuring import Entry, enrolled, run_in_turn
from tests.sim.bench.works import WORKS, says, taken_in_turn


def test_who_fails_is_wrong_or_absent() -> None:
    good = 'print(\'{"seconds": 2.0, "error": 0.0}\')'
    contestants = [
        says("memcpy", good.replace("2.0", "1.0")),
        says("good", good),
        says("wrong", good.replace("0.0", "1e-3")),
        says("broken", "raise SystemExit('no such luck')"),
        says("silent", "pass"),
        says("absent", "raise AssertionError", "not installed"),
    ]
    entries = taken_in_turn(contestants, WORKS[0], 2)
    assert [len(s.seconds) for s in entries] == [2, 2, 2, 0, 0, 0]
    assert [s.failed for s in entries] == [False, False, True, True, True, False]
    table = report.to_table(entries)
    rows = {line.split("|")[1].strip(): line for line in table.splitlines() if line.startswith("| ")}
    assert "right" in rows["good"] and "0.50" in rows["good"] and "WRONG by 1.0e-03" in rows["wrong"]
    assert "- broken: failed: no such luck" in table and "- absent: not installed" in table
    found = report.to_dict(entries)
    assert [row["right"] for row in found] == [True, True, False, None, None, None]
    json.dumps(found)


def test_who_is_slow_takes_fewer_steps() -> None:
    slow = replace(says("slow", 'print(\'{"seconds": 1.0, "error": 0.0}\')'), patience=8)
    (entry,) = taken_in_turn([slow], WORKS[0], 1)
    assert entry.work == replace(WORKS[0], steps=4) and entry.teff == pytest.approx(entry.work.teff(1.0))
    assert "31 steps (slow ones 4)" in report.to_table([Entry(slow, WORKS[0]), entry])


def test_who_is_slow_runs_once() -> None:
    slow = says("slow", 'print(\'{"seconds": 9.0, "error": 0.0}\')')
    (entry,) = taken_in_turn([slow], WORKS[0], 3)
    assert entry.seconds == [9.0]


def test_works_are_taken_in_turn_and_set_beside_the_first() -> None:
    """A round of all of them, and the next: what disturbs one work disturbs those that it is compared with."""
    works = [WORKS[0], replace(WORKS[0], dtype="float64"), WORKS[1]]
    told: list[str] = []
    contestant = says("ours", 'print(\'{"seconds": 2.0, "error": 0.0}\')', ours=True)
    measured = [enrolled([contestant], work, once=work is works[2]) for work in works]
    everybody = [entry for entries in measured for entry in entries]
    run_in_turn(everybody, 2, told.append)
    assert [line.split(": ")[:2] for line in told] == [
        *(["round 1 of 2", work.name] for work in works),
        *(["round 2 of 2", work.name] for work in works[:2]),
    ]
    half = [Taken(4.0, 0.0), Taken(8.0, 0.0)]
    everybody[1].taken, everybody[0].taken = half, [Taken(2.0, 0.0), Taken(2.0, 0.0)]
    assert everybody[1].faster_than(everybody[0]) == pytest.approx((1 / 2 + 1 / 4) / 2)
    tables = [report.to_table(entries, everybody) for entries in measured]
    assert "cells/s × 40 × 64, float32" in tables[1] and "| 0.38 |" in tables[1]
    assert "cells/s ×" not in tables[0] + tables[2]


def test_what_a_row_shows() -> None:
    work = replace(WORKS[0], every=10, lean=True)
    entry = Entry(halostep(1, 1), work, [Taken(2.0, 0.0, 0.5)], 10 * work.field_bytes)
    table = report.to_table([entry])
    assert "25.0%" in table and "| 10.00 |" in table and "an output every 10 steps" in table
