"""What solvers save: the comparisons are fair, and an answer that is wrong is seen."""

from __future__ import annotations

import json

import pytest

from sim import bench, cli
from sim.bench import solving


@pytest.fixture(autouse=True)
def _one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solving, "_ROUNDS", 1)
    monkeypatch.setattr(solving, "_CELL_STEPS", 1 << 12)


@pytest.mark.long
def test_all_ways_lead_to_the_same() -> None:
    for found in (solving.stiff(64), solving.poisson(32), solving.text(20)):
        assert found.right, found
        assert all(way.seconds and way.median > 0 for way in found.ways)
        assert len(found.lines()) == 1 + len(found.ways)


def test_a_wrong_answer_is_seen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = (solving.TimedCase(name, {}, [1.0], error) for name, error in (("good", 0.0), ("bad", 1.0)))
    compared = solving.SideBySide("both", [good, bad], 0.5)
    for name in ("stiff", "poisson", "text"):
        monkeypatch.setattr(solving, name, lambda _: compared)
    assert cli.main(["bench", "--solvers", "--json"]) == bench.EXIT_WRONG
    told = json.loads(capsys.readouterr().out)["solvers"]
    assert [c["right"] for c in told] == [False] * 3 and told[0]["ways"][1]["name"] == "bad"


def test_sweeps_are_those_of_the_first_way() -> None:
    ways = [solving.TimedCase("a sweep", {}, [0.5]), solving.TimedCase("a solve", {}, [2.0, 3.0, 9.0])]
    assert "6.0 sweeps" in solving.SideBySide("", ways, 1.0, in_sweeps=True).lines()[-1]


def test_what_does_not_go_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "--solvers", "--only", "halostep"]) == 2
    assert "leave them out" in capsys.readouterr().err
