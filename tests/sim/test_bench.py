"""The benchmark: everybody computes the same, and who doesn't is seen."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from sim import bench, cli
from sim.bench import report
from sim.bench.contestants.roster import Contestant, case_of, halostep, roster
from sim.bench.measuring import measure
from sim.bench.work import Work
from sim.casefile import load

LOOPS = {
    "numpy_slices": None,
    "numba_parallel": "numba",
    "devito_operator": "devito",
    "torch_conv": "torch",
}
WORKS = [Work(2, 40, "float32", 31), Work(2, 33, "float64", 20), Work(3, 17, "float32", 12), Work(3, 20, "float64", 9)]


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
@pytest.mark.parametrize("module", [*LOOPS, "c_openmp"])
def test_peers_compute_what_they_should(module: str, work: Work) -> None:
    if module == "c_openmp" and shutil.which("cc") is None:
        pytest.skip("no C compiler")
    if LOOPS.get(module):
        pytest.importorskip(LOOPS[module])
    loop = importlib.import_module(f"sim.bench.contestants.{module}").loop
    u = loop(work, work.initial(), work.steps)
    assert work.error(u) <= work.tolerance
    # A step too few is no rounding.
    assert work.error(loop(work, work.initial(), work.steps - 1)) > 3 * work.tolerance


def test_ours_takes_the_same_steps(tmp_path: Path) -> None:
    contestant = halostep(1, 1)
    for work in WORKS:
        case = load(case_of(work))
        assert case.time.step == work.dt and case.time.end == pytest.approx(work.steps * work.dt)
        assert case.to_grid().shape == work.shape
    (standing,) = measure([contestant], WORKS[0], 2, lambda _: None)
    assert len(standing.seconds) == 2 and standing.right and standing.error > 0 and not standing.why


def says(name: str, code: str, absent: str = "") -> Contestant:
    return Contestant(name, lambda *_: [sys.executable, "-c", code], lambda o: (o["seconds"], o["error"]), absent)


def test_who_fails_is_wrong_or_absent(capsys: pytest.CaptureFixture[str]) -> None:
    good = 'print(\'{"seconds": 2.0, "error": 0.0}\')'
    contestants = [
        says("memcpy", good.replace("2.0", "1.0")),
        says("good", good),
        says("wrong", good.replace("0.0", "1e-3")),
        says("broken", "raise SystemExit('no such luck')"),
        says("silent", "pass"),
        says("absent", "raise AssertionError", "not installed"),
    ]
    standings = measure(contestants, WORKS[0], 3, lambda _: None)
    assert [len(s.seconds) for s in standings] == [3, 3, 3, 0, 0, 0]
    report.print_tables([standings])
    table = capsys.readouterr().out
    rows = {line.split("|")[1].strip(): line for line in table.splitlines() if line.startswith("| ")}
    assert "right" in rows["good"] and "0.50" in rows["good"] and "WRONG by 1.0e-03" in rows["wrong"]
    assert "- broken: failed: no such luck" in table and "- absent: not installed" in table
    report.print_json([standings])
    found = json.loads(capsys.readouterr().out)["bench"]
    assert [row["right"] for row in found] == [True, True, False, None, None, None]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sim.bench.work.QUICK", WORKS[:1])
    monkeypatch.setattr(
        "sim.bench.contestants.roster.roster", lambda: [c for c in roster() if c.name[-5:] != "numpy"][:2]
    )
    assert cli.main(["bench", "--quick", "--plot", str(tmp_path / "bars.png")]) == 0
    assert "halostep, one process" in capsys.readouterr().out
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")
    assert cli.main(["bench", "--quick", "--plot", str(tmp_path / "no" / "bars.png")]) == 2


def test_what_is_drawn_says_who_is_who() -> None:
    names = [c.name for c in roster()]
    assert names[0] == "memcpy" and len(set(names)) == len(names)
    assert [c.ours for c in roster()].count(True) >= 1 and bench.EXIT_WRONG == 1
    assert np.isclose(Work(2, 100, "float32", 10).teff(1.0), 2 * 4e4 * 10 / 1e9)
