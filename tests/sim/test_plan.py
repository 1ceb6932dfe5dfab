"""Plans: pure arithmetic, the same that the exchange does, and messages for what can't be."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from sim import cli
from sim.cost import Core, Link, Load, best_depth, stage_cost
from sim.measured import Machine, Rate, default_path, save
from sim.topology import Topology, choose_topology

CORE = Core(1e9, 5e8, 1e10, 1 << 20)
LINK = Link(1e-5, 1e9)


@pytest.fixture(autouse=True)
def _no_machine_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert cli.main(["plan", "heat2d", "--json", *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_messages_are_those_of_the_halo_exchange() -> None:
    """Counted as strips of ghosted blocks: both axes cut, then one; corners travel with the second axis."""
    load = Load(Topology((40, 60), (2, 3)), width=1, itemsize=4)
    assert sorted(load.messages(2)) == sorted([2 * 24 * 4, 2 * 24 * 4, 2 * 24 * 4, 2 * 24 * 4])
    assert Load(Topology((40, 60), (2, 1)), 1, 8).messages(1) == [62 * 8, 62 * 8]
    assert Load(Topology((40, 60), (1, 1)), 1, 8).messages(4) == []
    assert len(Load(Topology((8, 8, 8), (2, 2, 2)), 1, 8, fields=3).messages(1)) == 3 * 6


def test_registers_travel_within_steps_only() -> None:
    load = Load(Topology((64, 64), (2, 1)), 1, 8, registers=2, stages=2)
    assert [len(load.messages(depth)) for depth in (1, 2, 3, 4)] == [2, 2, 6, 2]


def test_memory_is_both_buffers_and_what_is_read() -> None:
    load = Load(Topology((40, 60), (2, 3)), width=2, itemsize=8, fields=3, coefficients=2)
    assert load.memory(4) == (2 * 3 + 2) * (20 + 16) * (20 + 16) * 8
    assert load.depths == [1, 2, 4, 8]


def test_what_a_stage_costs() -> None:
    small = Load(Topology((200, 100), (2, 1)), 1, 4)
    cost = stage_cost(small, 4, CORE, LINK)
    assert cost.cells == pytest.approx(1e4 / 1e9) and cost.memory == 0
    assert cost.ghosts == pytest.approx((106**2 - 1e4) / 1e9)
    assert cost.exchange == pytest.approx(2 * (1e-5 + 4 * 108 * 4 / 1e9) / 4)
    large = Load(Topology((2000, 1000), (2, 1)), 1, 4)
    assert stage_cost(large, 1, CORE, LINK).memory == pytest.approx(8e6 / 1e10)
    assert stage_cost(large, 4, CORE, LINK).memory == pytest.approx(2e6 / 1e10)
    assert stage_cost(large, 4, CORE, LINK).cells == pytest.approx(1e6 / 5e8)
    plain = Load(Topology((2000, 1000), (2, 1)), 1, 4, in_slabs=False)
    assert stage_cost(plain, 4, CORE, LINK).memory == pytest.approx(8e6 / 1e10)
    assert math.isclose(sum(vars(cost).values()), cost.seconds)


def test_slow_links_want_deep_ghosts() -> None:
    load = Load(Topology((512, 512), (4, 4)), 1, 4)
    depths = [best_depth(load, CORE, Link(latency, 1e9)) for latency in (1e-9, 1e-6, 1e-5, 1e-2)]
    assert depths == sorted(depths) and depths[0] == 1 and depths[-1] == 16


def test_a_plan(capsys: pytest.CaptureFixture[str]) -> None:
    cells = ["--set", "grid.x.cells=8192", "--set", "grid.y.cells=8191"]
    found = planned(capsys, "--ranks", "1024", *cells)
    topology = choose_topology((8191, 8192), 1024, found["ghost_depth"])
    assert tuple(found["process_grid"]) == topology.blocks and tuple(found["largest_block"]) == topology.largest
    sides = [n + 2 * found["ghost_depth"] for n in topology.largest]
    assert found["memory_bytes"] == 2 * 8 * math.prod(sides)
    assert found["messages_a_step"] == 4 / found["ghost_depth"]
    assert found["seconds_a_step"] == pytest.approx(sum(found["seconds_a_stage"].values()))
    assert found["seconds_a_step"] == min(found["seconds_a_step_by_depth"].values())
    assert 0 < found["efficiency"] < 1 and found["steps"] is None and "defaults" in found["rates"]["from"]
    alone = planned(capsys, "--ranks", "1", *cells)
    assert alone["messages_a_step"] == 0 and alone["efficiency"] > found["efficiency"]


def test_what_a_case_says_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    sets = ["parallel.ghost_depth=4", "parallel.process_grid.x=8", 'equation.alpha="1 + x"', "equation.source=1.0"]
    sets += ["time.step=1e-5", "time.end=1e-2"]
    found = planned(capsys, "--ranks", "8", *(word for key in sets for word in ("--set", key)))
    assert found["ghost_depth"] == 4 and found["ghost_depth_given"] and found["process_grid"] == [1, 8]
    assert found["memory_bytes"] == 4 * 8 * (512 + 8) * (64 + 8) and found["steps"] == 1000


def test_steps_of_several_stages(capsys: pytest.CaptureFixture[str]) -> None:
    euler = planned(capsys, "--ranks", "4", "--set", "parallel.ghost_depth=2")
    heun = planned(capsys, "--ranks", "4", "--set", "parallel.ghost_depth=2", "--set", "time.integrator=heun")
    assert heun["messages_a_step"] == 2 * euler["messages_a_step"]
    assert heun["memory_bytes"] == 2 * euler["memory_bytes"]
    assert heun["seconds_a_step"] == pytest.approx(2 * euler["seconds_a_step"])


def test_by_a_machines_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rate = Rate(ndim=2, dtype="float64", cells_per_second=1e9)
    known = Machine(
        name="here",
        date="2030-01-01",
        cores=2,
        cache=1 << 40,
        latency=1e-6,
        bandwidth=1e9,
        between="2 ranks",
        rates=(rate,),
    )
    save(known, default_path())
    found = planned(capsys, "--ranks", "1")
    assert found["seconds_a_step"] == pytest.approx(512**2 / 1e9) and "here" in found["rates"]["from"]
    assert found["rates"]["bytes_per_second"] is None and found["worst_error"] is None
    other = planned(capsys, "--ranks", "4", "--set", "numerics.dtype=float32", "--latency", "1", "--bandwidth", "1e12")
    assert "defaults, for" in other["rates"]["from"] and other["link"]["from"] == "as given"
    assert other["seconds_a_step"] > 2 / 16
    save(known.model_copy(update={"latency": 2e-6}), tmp_path / "other.json")
    assert planned(capsys, "--ranks", "2", "--machine", str(tmp_path / "other.json"))["link"]["latency"] == 2e-6


def test_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", "hillslope", "--ranks", "6", "--set", "time.step=1e-3", "--latency", "1e-6"]) == 0
    said = capsys.readouterr().out
    for word in ("process grid", "blocks", "ghost depth", "memory", "messages", "a step", "efficiency", "whole run"):
        assert f"  {word}" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ranks", "0"], "--ranks must be at least 1"),
        (["--ranks", "many"], "invalid int value"),
        (["--ranks", "1000000000"], "can't be planned"),
        (["--ranks", "400000"], "can't be cut into 400000 blocks"),
        (["--ranks", "2", "--latency", "-1"], "--latency must be a positive number"),
        (["--ranks", "2", "--bandwidth", "nan"], "--bandwidth must be a positive number"),
        (["--ranks", "2", "--machine", "no/such.json"], "no/such.json can't be read"),
        (["--ranks", "2", "--set", "grid.q=1"], "unknown key"),
        (["--ranks", "2", "--set", "parallel.process_grid.x=3"], "3 blocks"),
        (["--ranks", "2", "--set", 'initial.u={ file = "none.npy" }'], "none.npy"),
        (["--ranks", "2", "--set", "time.integrator=rkl2", "--set", "time.step=1e-4"], "time.stages=15"),
        ([], "--ranks"),
    ],
)
def test_what_cant_be_planned(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", "heat2d", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": 1}', "\xff"])
def test_what_is_no_machine_file(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "machine.json"
    path.write_bytes(text.encode("latin-1"))
    assert cli.main(["plan", "--ranks", "2", "--machine", str(path)]) == 2
    assert "is no machine file" in capsys.readouterr().err
