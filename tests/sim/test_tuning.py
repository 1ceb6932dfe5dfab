"""Depth and tile: what is given counts, what is measured is kept, and no bit depends on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sim
from sim import kept, machine, tuning
from sim.costs import Choice, Costs
from sim.errors import SimError
from sim.result import Result
from sim.topology import Topology

Small = Callable[..., dict[str, Any]]


@pytest.fixture
def tiny_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A core so small that blocks of a few cells outgrow it, and somewhere to keep things."""
    monkeypatch.setattr(machine, "l2_bytes", lambda: 1024)
    monkeypatch.setenv(kept.VARIABLE, str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.mark.long
def test_a_choice_is_measured_once(small: Small, fields: Callable[..., list[np.ndarray]], tiny_cache: Path) -> None:
    case = small((40, 32), parallel__tune=True)
    first = sim.run(case, output=tiny_cache.parent / "1")
    again = sim.run(case, output=tiny_cache.parent / "2")
    assert (first.tuned, again.tuned) == ("measured", "kept")
    assert (first.ghost_depth, first.tile) == (again.ghost_depth, again.tile)
    assert "the fastest of those tried earlier" in again.summary()
    # Other numbers are as much work, and a run too short to be tried knows what was found.
    other = sim.run(case, output=tiny_cache.parent / "5", overrides=["equation.alpha=0.3", "parallel.tune=auto"])
    assert other.tuned == "kept"
    (file,) = tiny_cache.rglob("*.tuning")
    file.write_text(file.read_text()[:20])
    assert sim.run(case, output=tiny_cache.parent / "3").tuned == "measured"
    plain = sim.run(case, output=tiny_cache.parent / "4", overrides=["parallel.ghost_depth=1", "parallel.tile=[]"])
    assert plain.tuned == "given"
    for one, other in zip(fields(again.directory), fields(plain.directory), strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_tuning_a_rule_chooses(small: Small, tiny_cache: Path) -> None:
    result = sim.run(small((40, 32)), output=tiny_cache.parent / "1", overrides=["parallel.tune=false"])
    assert result.tuned == "rule" and not list(tiny_cache.rglob("*.tuning"))


def test_what_may_be_said_of_it(small: Small, tiny_cache: Path) -> None:
    with pytest.raises(SimError, match=r"parallel\.tune: Input should be 'auto', True or False; got 'yes'$"):
        sim.run(small(), output=tiny_cache.parent / "1", overrides=["parallel.tune=yes"])


def test_nothing_is_tried_that_takes_longer_than_it_may_save(small: Small, tiny_cache: Path) -> None:
    """Nothing of a short run; of one that may gain a little nothing more once it is seen what a trial takes."""
    result = sim.run(small((40, 32)), output=tiny_cache.parent / "1")
    assert result.tuned == "rule"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tuning, "_SECONDS_TO_TRY", 0.0)
        result = sim.run(small((40, 32)), output=tiny_cache.parent / "2")
    assert result.tuned == "measured" and len(tried(result)) == 1 and not list(tiny_cache.rglob("*.tuning"))


@pytest.mark.long
def test_all_is_tried_for_a_long_run(small: Small, tiny_cache: Path) -> None:
    """How many steps there are to come decides, not how many of them are taken now."""
    with sim.start(small((40, 32), time__end=1e6)) as running:
        running.advance(to=0.001)
    (file,) = tiny_cache.rglob("*.tuning")
    assert len(json.loads(file.read_text())["trials"]) > 2


@pytest.mark.long
def test_what_is_given_is_left_alone(small: Small, tiny_cache: Path) -> None:
    sets = ["parallel.ghost_depth=4", "parallel.tune=true"]
    result = sim.run(small((40, 32)), output=tiny_cache.parent / "1", overrides=sets)
    assert result.ghost_depth == 4 and result.tuned == "measured"
    result = sim.run(small((40, 32)), output=tiny_cache.parent / "2", overrides=["parallel.tile=[3]"])
    assert result.tile == (3,)


def tried(result: Result) -> list[Any]:
    return json.loads((result.directory / "run.json").read_text())["tuning"]["trials"]


def test_a_depth_is_in_stages(small: Small, tiny_cache: Path) -> None:
    """Of which a step may have several: one exchange each step here."""
    sets = ["parallel.ghost_depth=4", "parallel.tile=[]", "time.integrator=rk4"]
    result = sim.run(small(), output=tiny_cache.parent / "1", overrides=sets)
    assert result.ghost_depth == 4 and "ghosts    4 stages an exchange" in result.summary()
    assert json.loads((result.directory / "run.json").read_text())["tuning"]["stages"] == 4


def test_blocks_in_cache_need_no_tiles() -> None:
    costs = Costs(Topology((64, 64), (1, 1)), 1, 8, on_cpu=True, cache=1 << 20)
    assert costs.ranked(costs.choices(None, None))[0] == Choice(1, ())


@pytest.mark.parametrize("integrator", ["rk4", "rkl2"])
def test_neither_do_those_of_steps_that_remember(small: Small, tmp_path: Path, integrator: str) -> None:
    """Tiles would take ten times as long to compile, and longer to step."""
    result = sim.run(small(), output=tmp_path / "1", overrides=[f"time.integrator={integrator}"])
    assert result.tuned == "rule" and result.tile == ()


def test_large_blocks_do() -> None:
    """Tiles pay, and thin ones that fit."""
    costs = Costs(Topology((16384, 1800), (1, 1)), 1, 8, on_cpu=True, cache=2 << 20)
    stages, tile = costs.ranked(costs.choices(None, None))[0]
    assert stages >= 4 and len(tile) == 1 and 0 < (tile[0] + stages) * 1800 * 8 <= 2 << 20


def test_of_long_rows_short_ones_are_tried() -> None:
    """In 2-D, of two lengths; where rows are short, or the axis is not the last, tiles are of whole rows."""

    def tried(*shape: int) -> list[Choice]:
        costs = Costs(Topology(shape, (1,) * len(shape)), 1, 16, on_cpu=True, cache=2 << 20)
        found = costs.worth_trying(costs.choices(None, None), 3)
        short = [choice for choice in found if len(choice.tile) == len(shape)]
        assert len(found) <= 3 + 1 + len(short), "three, the plain way, and short rows"
        return short

    for stages, (layers, row) in (both := tried(4096, 8192)):
        assert stages >= 4 and (layers + 2 * stages) * (row + 2 * stages) * 16 < 2 << 20
    assert {choice.tile[1] for choice in both} == {1024, 512}
    assert not tried(16384, 900) and not tried(512, 512, 4096)


def test_layers_that_outgrow_the_cache_are_cut_too() -> None:
    costs = Costs(Topology((512, 512, 512), (2, 1, 1)), 1, 8, on_cpu=True, cache=2 << 20)
    stages, tile = costs.ranked(costs.choices(None, None))[0]
    assert stages >= 4 and len(tile) == 2 and 0 < (tile[0] + stages) * (tile[1] + stages) * 512 * 8 <= 2 << 20


def test_a_dear_exchange_makes_ghosts_deep() -> None:
    costs = Costs(Topology((256, 256), (2, 1)), 1, 8, on_cpu=True, cache=1 << 20, exchange_seconds=1e-3)
    assert costs.ranked(costs.choices(None, None))[0].stages == 32


def test_the_cache_is_the_machines(tmp_path: Path) -> None:
    for number, (level, kind, size) in enumerate(
        [("1", "Data", "48K"), ("2", "Unified", "2048K"), ("3", "Unified", "x")]
    ):
        folder = tmp_path / f"index{number}"
        folder.mkdir()
        for name, value in (("level", level), ("type", kind), ("size", size)):
            (folder / name).write_text(value + "\n")
    assert machine.l2_bytes(tmp_path) == 2 << 20
    assert machine.l2_bytes(tmp_path / "nothing") == 1 << 20


def test_large_blocks_spend_no_more_than_an_eighth_on_shared_ghosts() -> None:
    """Of an axis; one that a block has for itself takes none."""

    def deepest(*blocks: int) -> int:
        costs = Costs(Topology((256, 256, 256), blocks), 1, 8, on_cpu=True, exchange_seconds=1.0, cache=1 << 20)
        return max(choice.stages for choice in costs.choices(None, None))

    assert (deepest(1, 1, 1), deepest(2, 1, 1), deepest(4, 1, 1)) == (32, 8, 4)
