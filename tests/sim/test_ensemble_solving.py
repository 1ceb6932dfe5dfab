"""Ensembles whose steps solve systems, and probes of ensembles: each member as in a run of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim import casefile
from sim.errors import SimError
from sim.looking.recorded import read_run
from sim.looking.series import series_of
from tests.cases import table

Table = dict[str, Any]

VARY = {"equation.alpha": [0.3, 3.45, 0.7], "initial.u": ["sin(3 * x) + x", "x * x", "1 + 0.1 * x"]}
PROBES: Table = {
    "every": 2,
    "points": {"a": {"at": {"x": 0.5}}},
    "regions": {"b": {"where": "x < 9", "measure": "integral"}},
    "sides": {"c": {"side": "x.lower"}},
}
PLACES: dict[str, Table] = {
    "serial": {"transport": "serial"},
    "at once": {"transport": "serial", "members_at_once": True},
    "virtual": {"transport": "virtual", "blocks": 3},
    "xla, at once": {"transport": "xla", "devices": 4, "members": "together", "members_at_once": True},
    "spread": {"transport": "xla", "devices": 2},
}


def solving(dtype: str = "float64", integrator: str = "bdf2", **tables: Any) -> Table:
    case = table(1, dtype)
    case["grid"]["x"]["cells"] = 14
    case["time"] = {"end": 0.3, "step": 0.03, "integrator": integrator}
    return {**case, "ensemble": {"vary": VARY}, "parallel": PLACES["serial"], **tables}


def outcome(case: Table, output: Path) -> tuple[np.ndarray, Any, dict[str, np.ndarray]]:
    """Of a run its fields, its numbers, and the series of its probes."""
    result = sim.run(case, output=output)
    members = result.members or ()
    with h5py.File(result.series) as file:
        fields = file["u"][:]
    series = {}
    if (output / "probes.h5").exists():
        with h5py.File(output / "probes.h5") as file:
            series = {name: file[name][:] for name in ("step", "time", "a", "b", "c")}
    numbers = [(m.statistics, m.errors) for m in members] or (result.statistics, result.errors)
    return fields, (numbers, result.iterations), series


def check(case: Table, places: list[str], folder: Path) -> None:
    """All that a member has is what it has alone; the iterations are those of all."""
    alone = [
        outcome(member.model_dump(exclude_none=True), folder / f"alone-{number}")
        for number, member in enumerate(casefile.load({**case, "parallel": PLACES["serial"]}).members())
    ]
    for place in places:
        fields, (numbers, iterations), series = outcome({**case, "parallel": PLACES[place]}, folder / place)
        for number, (field, (own, _), own_series) in enumerate(alone):
            assert fields[number].tobytes() == field.tobytes(), f"member {number} has other bits on {place}"
            assert numbers[number] == own, f"member {number} has other numbers on {place}"
            for name, values in own_series.items():
                mine = series[name] if name in ("step", "time") else series[name][number]
                np.testing.assert_array_equal(mine, values, f"{name} of member {number} on {place}")
        if iterations is not None:
            for name, total in iterations.items():
                assert total == sum(own_iterations[name] for _, (_, own_iterations), _ in alone)


@pytest.mark.long
def test_members_and_their_probes_are_those_of_their_own_runs(tmp_path: Path) -> None:
    check(solving(probes=PROBES), ["serial", "at once", "spread"], tmp_path)


@pytest.mark.long
def test_wherever_they_are_solved(tmp_path: Path) -> None:
    check(solving("float32", "tr-bdf2"), ["virtual", "xla, at once"], tmp_path)


@pytest.mark.long
def test_conductivities_that_vary_in_space_and_with_u(tmp_path: Path) -> None:
    """Newton's method takes as many steps for a member as it takes alone."""
    formulas = ["1 + 0.5 * sin(9 * x)", "10 ** (2 * sin(9 * x))"]
    check(solving(ensemble={"vary": {"equation.alpha": formulas}}), ["at once"], tmp_path / "place")
    cold = {"boundary": {"x": "dirichlet"}, "equation": {"alpha": "1 + u**2"}, "exact": {}}
    nonlinear = solving(ensemble={"vary": {"initial.u": ["x", "sin(9 * x)"]}}, **cold)
    check(nonlinear, ["at once", "spread"], tmp_path / "field")


@pytest.mark.long
def test_spectral_members_in_turn(tmp_path: Path) -> None:
    vary = {"equation.alpha": [0.3, 3.0]}
    closed = solving(integrator="spectral", boundary={"x": "neumann"}, ensemble={"vary": vary})
    check(closed, ["at once", "spread"], tmp_path)


@pytest.mark.long
def test_steady_states(tmp_path: Path) -> None:
    vary = {"equation.alpha": [0.3, 3.45]}
    check(solving(time={"steady": True}, ensemble={"vary": vary}), ["at once"], tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("at_once", [False, True])
def test_probes_of_explicit_members(at_once: bool, tmp_path: Path) -> None:
    case = solving(integrator="heun", probes={**PROBES, "every": 7})
    case["time"]["step"] = 0.0005
    PLACES["heun"] = {"transport": "serial", "ghost_depth": 2, "members_at_once": at_once}
    check(case, ["heun"], tmp_path)


@pytest.mark.long
def test_what_is_in_the_file_of_their_probes(tmp_path: Path) -> None:
    """It opens in the report, and a run that goes on takes it over."""
    case = solving(probes=PROBES)
    whole = sim.run(case, output=tmp_path / "whole")
    sim.run(case, output=tmp_path / "parts", overrides=["time.end=0.2"])
    sim.resume(tmp_path / "parts", overrides=["time.end=0.3", "parallel.transport=serial"])
    with h5py.File(tmp_path / "whole" / "probes.h5") as one, h5py.File(tmp_path / "parts" / "probes.h5") as other:
        assert one["a"].shape == (3, len(one["time"])) and one["equation.alpha"][:].tolist() == VARY["equation.alpha"]
        np.testing.assert_array_equal(one["a"][:], other["a"][:])
        expected = one["b"][1]
    curves = {name: curve for s in series_of(read_run(whole.directory)) for name, curve in s.curves.items()}
    assert {"a[0]", "a[1]", "a[2]", "c[2]"} <= set(curves)
    np.testing.assert_array_equal(curves["b[1]"], expected)


@pytest.mark.long
def test_what_can_not_be_solved_is_said_of_its_member(tmp_path: Path) -> None:
    closed = {"boundary": {"x": "neumann"}, "exact": {}, "time": {"steady": True}}
    vary = {"equation.source": ["x - 16.35", "x"]}
    with pytest.raises(SimError, match="there is no steady state of member 1: no wall holds u"):
        sim.run(solving(ensemble={"vary": vary}, **closed), output=tmp_path / "steady")
    transport = {"kind": "advection-diffusion", "alpha": 1.0, "scheme": "central", "velocity": {"x": 0.0}}
    case = solving(equation=transport, ensemble={"vary": {"equation.velocity.x": [0.0, 3.0]}}, exact={})
    case["boundary"] = {"x": "dirichlet"}
    with pytest.raises(SimError, match='member 1 of the ensemble are not symmetric, those of member 0 are.*"bicgstab"'):
        sim.run(case, output=tmp_path / "transport")


def test_a_probe_has_a_name_of_its_own() -> None:
    with pytest.raises(SimError, match="the name member is taken already"):
        casefile.load(solving(probes={"points": {"member": {"at": {"x": 0.5}}}}))
