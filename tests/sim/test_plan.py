"""Plans: pure arithmetic, the same that the exchange does, and messages for what can't be."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import sim
from sim import casefile, cli
from sim.costs import Choice, CoreRates, Costs
from sim.measured import Machine, Measured, default_path, save
from sim.messages import messages
from sim.topology import Ghosts, Topology, choose_topology


@pytest.fixture(autouse=True)
def _no_machine_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIM_CACHE", str(tmp_path / "cache"))


def planned(capsys: pytest.CaptureFixture[str], *arguments: str, case: str = "heat2d") -> dict[str, Any]:
    assert cli.main(["plan", case, "--json", *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_messages_are_those_of_the_halo_exchange() -> None:
    """Counted as strips of ghosted blocks, corners included: both axes cut, one, none, three."""
    assert messages(Topology((40, 60), (2, 3)), Ghosts(2), 4) == [2 * 24 * 4] * 4
    assert messages(Topology((40, 60), (2, 1)), Ghosts(1), 8) == [62 * 8, 62 * 8]
    assert messages(Topology((40, 60), (1, 1)), Ghosts(4), 8) == []
    assert messages(Topology((40, 60), (2, 1)), Ghosts(3, (1, 16)), 8) == [3 * (60 + 2 * 16) * 8] * 2
    assert len(messages(Topology((8, 8, 8), (2, 2, 2)), Ghosts(1), 8)) == 6


def test_the_parts_of_a_step_are_its_seconds() -> None:
    costs = Costs(Topology((2000, 1000), (2, 1)), 1, 8, True, 1e-4, 1 << 20, CoreRates(8e9, 4e9, 1e10, 1e-6))
    for choice in costs.choices(None, None):
        parts = costs.parts(choice)
        assert costs.seconds(choice) == pytest.approx(math.fsum(parts)) and min(parts) >= 0
        assert parts.exchange == pytest.approx(1e-4 / choice.stages)
        assert (parts.tiles > 0) == any(choice.tile) and (parts.ghosts > 0) == (choice.stages > 1)
    assert costs.parts(Choice(1, ()))[:3] == pytest.approx((1e6 * 8 / 8e9, 0.0, 1e6 * 8 / 1e10))


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
    assert 0 < found["efficiency"] < 1 and "defaults" in found["rates"]["from"]
    alone = planned(capsys, "--ranks", "1", *cells)
    assert alone["messages_a_step"] == 0 and alone["efficiency"] > found["efficiency"]


def test_what_a_case_says_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    sets = ["parallel.ghost_depth=4", "parallel.process_grid.x=8", 'equation.alpha="1 + x"', "equation.source=1.0"]
    sets += ["time.step=1e-7", "time.end=1e-4"]
    found = planned(capsys, "--ranks", "8", *(word for key in sets for word in ("--set", key)))
    assert found["ghost_depth"] == 4 and found["process_grid"] == [1, 8]
    assert found["memory_bytes"] == 4 * 8 * (512 + 2) * (64 + 8) and found["steps"] == 1000


@pytest.mark.parametrize("alpha", ["1.0", "1 + x*y"])
def test_steps_are_those_of_a_run(alpha: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where all cells have the same limit and none is made, and where other outputs have times of their own."""
    sets = ["grid.x.cells=24", "grid.y.cells=16", "time.end=0.1", "output.every=0.03", f"equation.alpha={alpha}"]
    sets.append("output.extra.more={every=0.02}")
    found = planned(capsys, "--ranks", "1", *(word for key in sets for word in ("--set", key)))
    assert found["steps"] == sim.run("heat2d", overrides=sets).steps and not found["steps_assumed"]


HUGE = ["grid.x.cells=100_000_000", "grid.y.cells=10_000_000", "time.end=1e-10"]


@pytest.mark.parametrize(
    ("sets", "steps", "said"),
    [
        ([], 2_244_445, "whole run    2,244,445 steps"),
        (['equation.alpha="1 + x"'], None, "whole run    of steps whose length depends on fields"),
        (['equation.alpha="1 + x"', "time.step=1e-12"], 100, "assumed      that time.step = 1e-12 is stable"),
    ],
)
def test_of_huge_grids_the_steps_are_known_where_no_field_tells(
    sets: list[str], steps: int | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--ranks", "100000", *(word for key in [*HUGE, *sets] for word in ("--set", key))]
    found = planned(capsys, *arguments)
    assert found["steps"] == steps and found["steps_assumed"] == ("1e-12" in said)
    assert cli.main(["plan", "heat2d", *arguments]) == 0
    assert said in capsys.readouterr().out


def test_what_a_run_refuses_is_not_planned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the words of the run: steps that aren't stable, whether all cells have the same limit or each its own."""
    swings = tmp_path / "swings.toml"
    table = casefile.load("heat2d").model_dump(exclude_none=True)
    table |= {"equation": {"kind": "wave", "speed": 1.0}, "initial": {"u": 0.0, "v": 0.0}, "exact": {}}
    swings.write_text(casefile.to_toml(casefile.load(table)))
    # No note of the run says then that its exact solution is of another problem.
    small = ["--set", "grid.x.cells=32", "--set", "grid.y.cells=32", "--set", "exact={}"]
    for case, options in (
        ("heat2d", ["--set", "time.step=0.001"]),
        ("heat2d", ["--set", "time.step=0.001", "--set", "time.integrator=rkl2", "--set", "time.stages=3"]),
        ("heat2d", ["--set", "time.step=0.001", "--set", "equation.alpha=1 + x"]),
        ("ensemble-plate", ["--set", "time.step=0.1"]),
        ("burgers", ["--set", "time.step=1.0"]),
        ("heat2d", ["--set", "initial.u=1/(x-x)"]),
        (str(swings), []),
        (str(swings), ["--set", "time.integrator=rkl2", "--set", "time.step=0.1"]),
    ):
        said = []
        for command in (["plan", "--ranks", "1"], ["run", "--output", str(tmp_path / "out")]):
            assert cli.main([command[0], case, *command[1:], *small, *options]) == 2
            said.append(capsys.readouterr().err)
        assert said[0] == said[1] and said[0].count("sim: error:") == 1


def test_steps_of_several_stages(capsys: pytest.CaptureFixture[str]) -> None:
    # Blocks that any core's cache holds.
    small = [
        "--ranks",
        "4",
        "--set",
        "parallel.ghost_depth=2",
        "--set",
        "grid.x.cells=128",
        "--set",
        "grid.y.cells=128",
    ]
    euler, heun = planned(capsys, *small), planned(capsys, *small, "--set", "time.integrator=heun")
    assert heun["messages_a_step"] == 2 * euler["messages_a_step"]
    assert heun["memory_bytes"] == 1.5 * euler["memory_bytes"]
    assert 2 < heun["seconds_a_step"] / euler["seconds_a_step"] < 3


def test_by_a_machines_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    measured = Measured(ndim=2, dtype="float64", in_cache=1.6e10, beyond=1e10, memory=1e10, tile_seconds=0.0)
    known = Machine(
        name="here",
        date="2030-01-01",
        cores=2,
        cache=1 << 40,
        latency=1e-6,
        bandwidth=1e9,
        between="2 ranks",
        measured=(measured,),
    )
    path = default_path()
    assert path is not None
    save(known, path)
    found = planned(capsys, "--ranks", "1")
    assert found["seconds_a_step"] == pytest.approx(512**2 / 1e9) and "here" in found["rates"]["from"]
    assert found["rates"]["in_cache"] == 1.6e10 and found["worst_error"] is None
    other = planned(capsys, "--ranks", "4", "--set", "numerics.dtype=float32", "--latency", "1", "--bandwidth", "1e12")
    assert "defaults, for" in other["rates"]["from"] and other["link"]["from"] == "as given"
    assert other["seconds_a_step"] > 2 / 32
    save(known.model_copy(update={"latency": 2e-6}), tmp_path / "other.json")
    assert planned(capsys, "--ranks", "2", "--machine", str(tmp_path / "other.json"))["link"]["latency"] == 2e-6


@pytest.mark.parametrize(
    ("ranks", "options", "held", "blocks"),
    [
        (1, (), 16, (1, 1)),
        (5, (), 4, (1, 1)),
        (16, (), 1, (1, 1)),
        (32, (), 16, (8, 4)),
        (4, ("--set", "parallel.members=together"), 16, (4, 1)),
        (32, ("--set", "parallel.members=spread"), 1, (1, 1)),
        (2, ("--set", "parallel.devices=4"), 2, (1, 1)),
    ],
)
def test_members_of_an_ensemble_are_spread_or_cut(
    ranks: int, options: tuple[str, ...], held: int, blocks: tuple[int, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """As `sim.transport.choice` does it; a place has two arrays a member, and takes one after the other."""
    each = ["--set", "parallel.ghost_depth=1", "--ranks"]
    found = planned(capsys, *each, str(ranks), *options, case="ensemble-plate")
    assert found["members_a_place"] == held and tuple(found["process_grid"]) == blocks
    # Rows that are not shared begin where a cache line does.
    rows, columns = (
        n + 2 * margin for n, margin in zip(found["largest_block"], (1, 1 if blocks[1] > 1 else 8), strict=True)
    )
    assert found["memory_bytes"] == 2 * held * 8 * rows * columns
    assert found["messages_a_step"] == held * 2 * sum(n > 1 for n in blocks)


def test_slow_links_want_deep_ghosts(capsys: pytest.CaptureFixture[str]) -> None:
    depths = [
        planned(capsys, "--ranks", "16", "--latency", latency)["ghost_depth"] for latency in ("1e-9", "1e-6", "1e-2")
    ]
    assert depths == sorted(depths) and depths[0] < depths[-1] == 32


def test_nothing_kept_is_no_obstacle(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIM_CACHE", "off")
    assert "defaults" in planned(capsys, "--ranks", "2")["link"]["from"]


@pytest.mark.parametrize("case", casefile.builtin_names())
def test_every_built_in_case_can_be_planned(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(capsys, "--ranks", "4", case=case)
    assert found["seconds_a_step"] > 0 and found["memory_bytes"] > 0 and not found["steps_assumed"]


def test_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", "hillslope", "--ranks", "6", "--set", "time.step=1e-3", "--latency", "1e-6"]) == 0
    said = capsys.readouterr().out
    for word in ("process grid", "blocks", "ghost depth", "memory", "messages", "a step", "efficiency", "whole run"):
        assert f"  {word}" in said


def test_what_auto_chooses(capsys: pytest.CaptureFixture[str]) -> None:
    auto = ["--ranks", "2", "--set", "time.integrator=auto"]
    assert planned(capsys, *auto, "--set", "time.end=1e-3")["integrator"].startswith("euler (not stiff")
    assert cli.main(["plan", "heat2d", *auto, "--set", "time.end=1e3"]) == 0
    assert "  integrator   rkl2, " in capsys.readouterr().out


UNMADE = ["--ranks", "2", "--set", "grid.x.cells=100000", "--set", 'equation.alpha="1 + x"']


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
        ([*UNMADE, "--set", "time.integrator=rkl2", "--set", "time.step=1e-4"], "time.stages=15"),
        (["--ranks", "2", "--set", "time.integrator=tr-bdf2", "--set", "time.step=1e-4"], "tr-bdf2 takes depends on"),
        (["--ranks", "2", "--set", "time.integrator=spectral"], "time.integrator = spectral takes none"),
        (["--ranks", "2", "--set", "time.steady=true"], "how long time.steady takes"),
        ([*UNMADE, "--set", "time.integrator=auto"], "name one"),
        (["--ranks", "2", "--set", "time.integrator=auto", "--set", "time.step=1"], "time.integrator = tr-bdf2"),
        (["--ranks", "600", "--set", "parallel.process_grid.y=600"], "without cells along y"),
        (["--ranks", "2", "--set", "parallel.transport=serial"], "2 ranks; --set parallel.transport=auto, or take"),
        ([], "--ranks"),
    ],
)
def test_what_cant_be_planned(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", "heat2d", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "implicit", [["time.integrator=tr-bdf2", "time.step=1e-4"], ["time.integrator=spectral"], ["time.steady=true"]]
)
def test_the_explicit_plan_that_is_named_instead_can_be_made(
    implicit: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["plan", "heat2d", "--ranks", "2", *(word for override in implicit for word in ("--set", override))]
    assert cli.main(asked) == 2
    remedy = capsys.readouterr().err.rpartition("plan an explicit one: ")[2]
    assert cli.main([*asked, *remedy.split()]) == 0


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": 1}', "\xff"])
def test_what_is_no_machine_file(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "machine.json"
    path.write_bytes(text.encode("latin-1"))
    assert cli.main(["plan", "--ranks", "2", "--machine", str(path)]) == 2
    assert "is no machine file" in capsys.readouterr().err
