"""The benchmark: everybody computes the same, and who doesn't is seen."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from sim import bench, cli
from sim.bench import chart, report
from sim.bench.asked import work_of
from sim.bench.contestants import numpy_slices
from sim.bench.contestants.halostep import Taken, case_of, read_run
from sim.bench.contestants.roster import Contestant, halostep, roster
from sim.bench.measuring import Entry, enrolled, run_in_turn
from sim.bench.work import FULL, QUICK, Work
from sim.casefile import load
from sim.errors import SimError
from sim.subprocesses import clean_environment

# Libraries such as torch change how a process rounds and which threads it has: each contestant has one of its own.
PEERS = {
    "numpy_slices": "numpy",
    "numba_parallel": "numba",
    "devito_operator": "devito",
    "torch_conv": "torch",
    "py_pde": "pde",
    "c_openmp": "ctypes",
    "c_tiled": "ctypes",
}
WORKS = [
    Work((40, 64), "float32", 31),
    Work((33, 33), "float64", 20),
    Work((17, 20, 36), "float32", 12),
    Work((20, 17, 64), "float64", 9),
]
FIELDS = [replace(WORKS[1], alpha="field"), replace(WORKS[2], alpha="field")]

_PEER = """
import importlib, json, sys
from dataclasses import replace
from sim.bench.work import Work
loop = importlib.import_module("sim.bench.contestants." + sys.argv[1]).loop
for text in sys.argv[2:]:
    work = Work.from_json(text)
    errors = [work.error(loop(work, work.initial(), steps)) for steps in (work.steps, work.steps - 1)]
    print(json.dumps([errors[0] / work.tolerance, errors[1] / work.tolerance]))
"""


@pytest.mark.parametrize(
    "module", [pytest.param(name, marks=[pytest.mark.long] if name == "py_pde" else []) for name in PEERS]
)
def test_peers_compute_what_they_should(module: str) -> None:
    if module.startswith("c_") and shutil.which("cc") is None:
        pytest.skip("no C compiler")
    if find_spec(PEERS[module]) is None:
        pytest.skip(f"{PEERS[module]} is not installed")
    compiled = [WORKS[0], FIELDS[1]]
    fewer = {"torch_conv": WORKS, "py_pde": WORKS[:1], "numba_parallel": compiled, "devito_operator": compiled}
    works = fewer.get(module, [*WORKS, *FIELDS])
    command = [sys.executable, "-c", _PEER, module, *(work.to_json() for work in works)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=clean_environment(), check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(works)
    # A step too few is no rounding.
    assert all(right <= 1.0 and wrong > 3.0 for right, wrong in found), found


_TILED = """
import sys
from sim.bench.contestants import c_tiled
from sim.bench.work import Work
for text in sys.argv[1:]:
    work = Work.from_json(text)
    for tile in (((2, 2), 1), ((7, 8), 3), ((8, 7), 3), ((16, 40), 8)):
        found = c_tiled.march(work, work.initial(), work.steps, tile)
        print(work.error(found) / work.tolerance)
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_tiles_in_c_meet_at_their_seams() -> None:
    command = [sys.executable, "-c", _TILED, *(work.to_json() for work in (*WORKS, *FIELDS))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=clean_environment(), check=True)
    found = [float(line) for line in done.stdout.splitlines()]
    assert len(found) == 4 * len([*WORKS, *FIELDS]) and max(found) <= 1.0


def test_each_step_shows_in_the_answer() -> None:
    """Of all that is measured: who leaves out a step is seen, whatever the size."""
    for work in (*QUICK, *FULL):
        assert 0.2 < work.decay < 0.5
        one_less = work.largest() * work.decay ** (-1 / work.steps)
        assert one_less - work.largest() > work.tolerance or work.every


@pytest.mark.parametrize("shape", [(64, 64), (512, 300), (96, 96, 96)])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_rounding_is_no_wrong_answer(shape: tuple[int, ...], steps: int) -> None:
    """Of few steps, as those take part who are slow: a third of u is left, and a step too few is seen."""
    work = Work(shape, "float32", steps)
    assert 0.3 < work.decay < 0.45
    assert work.error(numpy_slices.loop(work, work.initial(), steps)) <= work.tolerance
    assert work.error(numpy_slices.loop(work, work.initial(), steps - 1)) > 1e4 * work.tolerance


def test_a_work_is_a_mode_of_the_grid() -> None:
    work = Work((24, 40), "float64", 1)
    u = work.initial()
    assert u.shape == (26, 42) and np.abs(u).max() == pytest.approx(work.largest() / work.decay)
    assert work.error(u * work.decay) < 1e-15 < work.error(u)
    assert Work.from_json(work.to_json()) == work
    assert Work((100, 100), "float32", 10).teff(1.0) == pytest.approx(2 * 4e4 * 10 / 1e9)


@pytest.mark.long
def test_ours_takes_the_same_steps(tmp_path: Path) -> None:
    for work in (*WORKS, *FIELDS):
        case = load(case_of(work))
        assert case.time.step == work.dt and case.time.end == pytest.approx(work.steps * work.dt)
        assert case.to_grid().shape == work.shape
        assert case.to_grid().spacing == pytest.approx([work.spacing] * work.ndim)
        assert isinstance(case.equation.alpha, str) == (work.alpha == "field")
    lean = replace(FIELDS[0], lean=True, every=10)
    for work in (WORKS[0], lean):
        (entry,) = taken_in_turn([halostep(1, 1)], work, 1)
        assert not entry.why and entry.right and not entry.failed
        assert len(entry.seconds) == 1 and entry.peak_bytes > 50e6
    assert 0 < entry.writing < 1 and entry.error < work.tolerance
    assert work.every and case_of(lean).get("exact") is None


def test_other_steps_are_no_answer() -> None:
    with pytest.raises(ValueError, match="took 30 steps instead of 31"):
        read_run(WORKS[0], {"steps": 30})


def taken_in_turn(contestants: list[Contestant], work: Work, rounds: int) -> list[Entry]:
    entries = enrolled(contestants, work)
    run_in_turn(entries, rounds, lambda _: None)
    return entries


def says(name: str, code: str, absent: str = "", ours: bool = False) -> Contestant:
    def read(_: Work, found: dict[str, float]) -> Taken:
        return Taken(found["seconds"], found["error"])

    return Contestant(name, lambda *_: [sys.executable, "-c", code], read, lambda _: absent, ours)


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


@pytest.mark.parametrize(
    ("text", "work"),
    [
        ("64x32", Work((64, 32), "float32", 1000)),
        ("8192x8192, float64, 12", Work((8192, 8192), "float64", 12)),
        ("64x32x16,alpha=field,200,every=100,lean", Work((64, 32, 16), "float32", 200, "field", 100, True)),
    ],
)
def test_works_in_words(text: str, work: Work) -> None:
    assert work_of(text) == work


@pytest.mark.parametrize("text", ["", "64", "64x", "0x4", "4x4x4x4", "64x64,float16", "64x64,-1", "64x64,8,every=9"])
def test_what_is_no_work(text: str) -> None:
    with pytest.raises(SimError):
        work_of(text)


@pytest.mark.parametrize("text", ["1x1,float32,4", "2x2,float32,1", "1000x3,float64,4", "3x1000x8"])
def test_a_work_of_too_few_cells(text: str) -> None:
    with pytest.raises(SimError, match=rf"--work {text}: no wave .* fits [123] cells; an axis has 4 or more"):
        work_of(text)


@pytest.mark.parametrize("text", ["4x4", "16x16", "64x4,float32,400"])
def test_a_work_of_which_nothing_is_left(text: str) -> None:
    """What computes nothing would be as right."""
    with pytest.raises(
        SimError, match=r"steps leave nothing .* give more cells or fewer steps, such as \d+x\d+,float32,4"
    ):
        work_of(text)


@pytest.mark.parametrize("size", ["4x4", "4x1000", "1000x4", "4x4x4", "4x5x64"])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8])
def test_the_smallest_works(size: str, steps: int) -> None:
    """Those who are slow take fewer steps, down to one."""
    work = work_of(f"{size},float32,{steps}")
    assert work.largest() > 100 * work.tolerance
    assert work.error(numpy_slices.loop(work, work.initial(), steps)) <= work.tolerance


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bench", "--only", "one process", "--only", "memcpy", "--work", "40x64,31"]
    monkeypatch.setattr("sim.bench._ROUNDS", 1)
    assert cli.main([*command, "--plot", str(tmp_path / "bars.png")]) == 0
    said = capsys.readouterr().out
    assert "halostep, one process" in said and "numpy" not in said
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("name", "begin"), [("bars.PDF", b"%PDF"), ("bars.svg", b"<?xml"), ("bars.png", b"\x89PNG")])
def test_a_chart_is_what_its_name_says(name: str, begin: bytes, tmp_path: Path) -> None:
    chart.check_kind(tmp_path / name)
    chart.draw([[Entry(roster()[0], FIELDS[0], why="absent")]], tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begin)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--plot", "no/such/folder/bars.png"], "no/such/folder is no directory"),
        (["--plot", "bars.xyz"], "Format 'xyz' is not supported"),
        (["--plot", "bars"], "Format '' is not supported"),
        (["--plot", "."], "is no regular file"),
        (["--only", "fortran"], "no contestant is called that"),
        (["--work", "many"], "a work is NxN"),
        (["--machine", "m.json"], "--machine is for --scaling"),
        (["--scaling", "--only", "numpy"], "not for --scaling"),
        (["--solvers", "--machine", "m.json"], "--machine is for --scaling"),
        (["--writing", ".", "--work", "64x64"], "not for --writing"),
        (
            ["--quick", "--scaling", "--solvers", "--writing", "."],
            "--scaling and --solvers and --writing are measured one",
        ),
        (["--solvers", "--writing", "."], "one at a time; leave all but one out"),
        (["--quick", "--writing", "."], "--quick is not for --writing"),
    ],
)
def test_what_cant_be_measured(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_no_bench_within_a_launcher(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setenv("PMI_SIZE", "2")
    for arguments in ([], ["--scaling"]):
        assert cli.main(["bench", *arguments]) == 2
        assert "run it without a launcher" in capsys.readouterr().err


def test_the_roster_says_who_is_who() -> None:
    names = [c.name for c in roster()]
    assert names[0] == "memcpy" and len(set(names)) == len(names)
    assert [c.ours for c in roster()].count(True) >= 1 and bench.EXIT_WRONG == 1
    torch = next(c for c in roster() if c.name == "torch")
    assert torch.absent(FIELDS[0]) and "minutes" in torch.absent(FULL[-1]) + "minutes" * (find_spec("torch") is None)
