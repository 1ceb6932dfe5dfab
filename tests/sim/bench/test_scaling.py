"""Scaling: which runs, what is fitted to them, and what the fit foretells."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sim import cli
from sim.bench.contestants.halostep import Taken
from sim.bench.measuring import Entry
from sim.bench.scaling import report
from sim.bench.scaling.campaign import Campaign, campaign, ranks_at_hand
from sim.bench.scaling.described import described
from sim.bench.scaling.fit import foretold
from sim.costs import CoreRates
from sim.machine import l2_bytes
from sim.measured import read, save
from sim.messages import Link, fit_link

RATES = CoreRates(2e10, 1e10, 8e9, 0.0)
CACHE = l2_bytes()
LINK = Link(2e-5, 4e9)
TIMES = {size: LINK.seconds(size) for size in (256, 1 << 14, 1 << 20)}


@pytest.mark.parametrize(("cores", "ranks"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])])
def test_ranks_at_hand(cores: int, ranks: list[int]) -> None:
    assert ranks_at_hand(cores) == ranks


def ideal(quick: bool = True) -> Campaign:
    """Runs that took just what the model says, but for one that took twice as long."""
    runs = campaign([1, 2], quick)
    take(runs.entries)
    runs.weak[2].taken = [replace(taken, seconds=2 * taken.seconds) for taken in runs.weak[2].taken]
    return runs


def take(entries: Sequence[Entry], *_: object) -> None:
    for run in entries:
        run.why = ""
        plain = "--tile" in run.contestant.command(run.work, Path())
        tile = () if plain or run.work.steps == 8000 else (1000,)
        blocks = (run.contestant.processes, *[1] * (run.work.ndim - 1))
        run.taken = [Taken(1.0, 0.0, 0.0, blocks, 1 if plain else 8, tile)]
        seconds = sum(foretold(run, RATES, LINK, CACHE)) * run.work.steps
        run.taken = [replace(run.taken[0], seconds=seconds)]


@pytest.fixture(autouse=True)
def _somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_which_runs() -> None:
    runs = campaign([1, 2, 4], quick=False)
    assert runs.weak[1] is runs.strong[1] and [w.work.shape[0] for w in runs.weak.values()] == [4096, 8192, 16384]
    assert runs.rates[0].large is runs.strong[4] and len(runs.rates) == 4
    entries: list[Entry] = runs.entries
    assert len(entries) == len({id(s) for s in entries}) == 3 + 2 + 4 * 3 - 1
    assert all(three.small.contestant.processes == 4 for three in runs.rates)


def test_the_fit_finds_the_rates_again() -> None:
    runs = ideal(quick=False)
    found = described(runs, TIMES)
    assert found.latency == pytest.approx(LINK.latency) and found.bandwidth == pytest.approx(LINK.bandwidth)
    for measured in found.measured:
        assert measured.rates.in_cache == pytest.approx(RATES.in_cache)
        assert measured.rates.beyond == pytest.approx(RATES.beyond)
        assert measured.rates.memory == pytest.approx(RATES.memory)
    assert [(c.what, c.ranks) for c in found.checks] == [("strong", 1), ("weak", 2)]
    assert found.checks[0].error == pytest.approx(0.0, abs=1e-9) and found.checks[1].error == pytest.approx(-0.5)
    assert found.worst_error == pytest.approx(0.5)


def test_noise_gives_no_nonsense() -> None:
    link = fit_link([1, 1000], [2e-5, 1e-5])
    assert link.latency > 0 and 0 < link.bandwidth < float("inf")
    runs = ideal()
    for three in runs.rates:
        # Step by step as fast as if memory were not there, and small blocks in no time at all.
        three.plain.taken = [Taken(1e-9, 0.0, 0.0, (2, *[1] * (three.plain.work.ndim - 1)), 1)]
        three.small.taken = [Taken(1e-9, 0.0, 0.0, (2, *[1] * (three.small.work.ndim - 1)), 8)]
    found = described(runs, TIMES)
    assert all(m.in_cache > 0 and m.memory > 0 and m.tile_seconds >= 0 for m in found.measured)
    json.loads(found.model_dump_json())


def test_what_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    runs = ideal()
    found = described(runs, TIMES)
    path = tmp_path / "machine.json"
    save(found, path)
    assert read(path) == found
    report.print_tables(runs, TIMES, found, path)
    said = capsys.readouterr().out
    assert "Strong scaling: 2048²" in said and "(-50%)" in said and str(path) in said and "within 50%" in said
    report.print_json(runs, TIMES, found, path)
    told = json.loads(capsys.readouterr().out)
    assert told["weak"][0]["efficiency"] == 1.0 and told["machine"]["cores"] == found.cores
    assert report.efficiency(runs.weak, weak=True)[2] < 0.6 < report.efficiency(runs.strong, weak=False)[2]


def test_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sim.machine.cores", lambda: 2)
    monkeypatch.setattr("sim.subprocesses.why_no_mpirun", lambda: None)
    monkeypatch.setattr("sim.bench.scaling.link.measure_link", lambda ranks: TIMES)
    monkeypatch.setattr("sim.bench.measuring.run_in_turn", take)
    path = tmp_path / "machine.json"
    assert cli.main(["bench", "--scaling", "--quick", "--machine", str(path)]) == 0
    assert "Weak scaling" in capsys.readouterr().out and read(path).worst_error == pytest.approx(0.0, abs=1e-9)
    assert cli.main(["plan", "--ranks", "1024", "--machine", str(path), "--set", "numerics.dtype=float32"]) == 0
    assert "foretold within 0%" in capsys.readouterr().out
    monkeypatch.setattr("sim.bench.measuring.run_in_turn", lambda *_: pytest.fail("measured before it was refused"))
    assert cli.main(["bench", "--scaling", "--machine", str(tmp_path / "no" / "machine.json")]) == 2
    assert "can't be written" in capsys.readouterr().err
    monkeypatch.setenv("SIM_CACHE", "off")
    assert cli.main(["bench", "--scaling"]) == 2
    assert "use --machine FILE" in capsys.readouterr().err
