"""Orders of accuracy, exact solutions and invariants: a sample of them, and that none could pass unseen."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import sympy
from matplotlib import image

import sim
from sim.case import TimeTable
from sim.cli import main
from sim.errors import SimError, Stopped
from sim.verify import accuracy
from sim.verify.accuracy import report
from sim.verify.accuracy.integrators import ORDERS
from sim.verify.accuracy.manufactured import PLACE, TIME, Manufactured, sides
from sim.verify.accuracy.running import solve
from sim.verify.accuracy.study import Check, CheckResult, Failed, Order, RowResult, Study, slope

Small = Callable[..., dict[str, Any]]

ALL = accuracy.rows(orders=True, exact=True, quick=False)
STUDY = Study("waves", "a wave", "space", 2, (10, 20, 40), lambda n: {})
GOOD = Order(STUDY, (1e-2, 2.6e-3, 6.4e-4))
BAD = Order(STUDY, (1e-2, 5e-3, 2.5e-3))
CHECK = Check("kept", "heat", 1e-13, lambda: 1e-15)
RESULTS: list[RowResult] = [
    GOOD,
    BAD,
    CheckResult(CHECK, 1e-15),
    CheckResult(CHECK, 1e-3),
    Failed(STUDY, "it | fell\nover"),
]


@pytest.mark.long
@pytest.mark.parametrize("row", [row for row in ALL if row.quick], ids=lambda row: row.name)
def test_as_it_should_be(row: Study | Check) -> None:
    [result] = accuracy.results([row])
    assert result.good, report.to_dict(result)


def test_each_has_its_own_name() -> None:
    assert len({(row.family, row.name) for row in ALL}) == len(ALL)
    assert all(len(row.sizes) >= 3 for row in ALL if isinstance(row, Study))


def test_every_integrator_has_its_order() -> None:
    # The propagator of the discretised equation has no error in time, and "auto" is one of the others.
    assert set(ORDERS) == set(get_args(TimeTable.model_fields["integrator"].annotation)) - {"spectral", "auto"}


def test_verlet_has_its_own_on_the_wave() -> None:
    [row] = [row for row in ALL if row.name == "verlet, wave"]
    [result] = accuracy.results([row])
    assert result.good, report.to_dict(result)


# ------------------------------------------------------------------------------------------------ manufactured


def test_a_source_is_what_the_equation_lacks() -> None:
    x, t = PLACE["x"], TIME
    rates = {"u": "2*laplace(u) - v*d_dx(u)", "v": "div(u*grad(v)) + grad_squared(v)"}
    made = Manufactured({"u": x**2 * t, "v": x + t}, rates, "x")
    assert sympy.simplify(sympy.sympify(made.source("u"), {"x": x, "t": t}) - (x**2 - 4 * t + (x + t) * 2 * x * t)) == 0
    assert sympy.simplify(sympy.sympify(made.source("v"), {"x": x, "t": t}) - (1 - 2 * x * t - 1)) == 0
    assert made.initial() == {"u": "0", "v": "x"}


def test_walls_are_what_the_field_obeys() -> None:
    x = PLACE["x"]
    assert sides("neumann", x**2, "x", sympy.Integer(3)) == {
        "lower": {"kind": "neumann", "flux": "-6*x"},
        "upper": {"kind": "neumann", "flux": "6*x"},
    }
    assert sides("dirichlet", x**2, "x", upper="outflow")["upper"] == {"kind": "outflow"}


# --------------------------------------------------------------------------------------------------- judgement


def test_the_slope_is_that_of_a_power() -> None:
    assert slope([0.1, 0.05, 0.02], [3 * h**1.7 for h in (0.1, 0.05, 0.02)]) == pytest.approx(1.7)
    assert math.isnan(slope([0.1, 0.05], [0.0, 1.0])) and math.isnan(slope([0.1, 0.05], [math.nan, 1.0]))


def test_what_is_not_as_it_should_be_is_seen() -> None:
    assert [result.good for result in RESULTS] == [True, False, True, False, False]
    assert not Order(STUDY, (math.inf, 1.0, 1.0)).good and not CheckResult(CHECK, math.nan).good
    assert not Order(replace(STUDY, order=1.6), GOOD.errors).good


@pytest.mark.long
def test_a_case_of_the_wrong_order_is_seen() -> None:
    """Fourth order is not what walls have, whose ghosts are of second order."""
    [row] = [row for row in ALL if row.name == "heat, order = 4"]
    assert isinstance(row, Study)

    def walled(n: int) -> dict[str, Any]:
        case = dict(row.case(n))
        exact = sympy.sympify(case["exact"]["u"], {"t": TIME, **PLACE})
        return case | {"boundary": {axis: sides("dirichlet", exact, axis) for axis in "xy"}}

    [result] = accuracy.results([replace(row, case=walled)])
    assert isinstance(result, Order) and not result.good and result.observed < 3


def test_what_cannot_run_has_failed_and_says_why() -> None:
    [result] = accuracy.results([replace(STUDY, case=lambda n: {"name": "nothing"})])
    assert isinstance(result, Failed) and "grid" in result.why


def test_a_signal_stops_all_of_it() -> None:
    def stopped() -> float:
        raise Stopped("stopped by SIGTERM")

    with pytest.raises(SimError, match=r"stopped at heat, 1 of 2; start it again"):
        list(accuracy.results([replace(CHECK, measure=stopped), CHECK]))


# ------------------------------------------------------------------------------------------------------ report


def test_the_tables_are_markdown() -> None:
    rows = [line for line in report.to_table(RESULTS).splitlines() if line.startswith("|")]
    assert len(rows) == 9
    assert {row.count("|") for row in rows[:5]} == {8} and {row.count("|") for row in rows[5:]} == {5}
    assert "2 of 5 as they should be; NOT: " in report.to_table(RESULTS)
    assert report.to_table([GOOD]).endswith("1 of 1 as they should be")


def test_json_has_all_numbers() -> None:
    found = json.loads(json.dumps([report.to_dict(result) for result in RESULTS], allow_nan=False))
    assert [row["good"] for row in found] == [result.good for result in RESULTS]
    assert found[0]["errors"] == list(GOOD.errors) and found[0]["observed"] == pytest.approx(GOOD.observed)


def test_a_picture_a_family(tmp_path: Path) -> None:
    accuracy.open_folder(tmp_path / "plots")
    [path] = accuracy.draw_all(RESULTS, tmp_path / "plots")
    assert path.name == "waves.png" and image.imread(path).std() > 0.05


# ------------------------------------------------------------------------------------------------ command line


def test_the_status_says_whether_all_is_good(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sim.verify.everything.rows", lambda *_: [CHECK])
    assert main(["verify", "--exact", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["good"]
    monkeypatch.setattr("sim.verify.everything.rows", lambda *_: [replace(CHECK, measure=lambda: 1.0)])
    assert main(["verify", "--orders"]) == 1
    assert "NOT: heat" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--exact", "--plots", ""], "no directory is named"),
        (["--exact", "--plots", "file/plots"], "can't be made"),
        (["--exact", "--transports", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_what_cannot_be_is_said_at_once(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    measured: list[bool] = []
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    monkeypatch.setattr("sim.verify.everything.results", lambda _: measured.append(True) or [])
    assert main(["verify", *arguments]) == 2
    assert said in capsys.readouterr().err and not measured


def test_options_that_do_not_go_together(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in (
        (["case.toml"], "--transports"),
        (["--transports", "--plots", "plots"], "--orders"),
        (["--transports", "--quick"], "--orders"),
    ):
        assert main(["verify", *arguments]) == 2
        assert said in capsys.readouterr().err


def test_without_sympy_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("equations", "exact", "integrators", "invariants", "manufactured", "walls"):
        monkeypatch.delitem(sys.modules, f"sim.verify.accuracy.{name}", raising=False)
        monkeypatch.delattr(f"sim.verify.accuracy.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "sympy", None)
    assert main(["verify", "--orders"]) == 2
    assert "pip install 'halostep[verify]'" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------- defects found by it


@pytest.mark.parametrize(
    "equation",
    [
        {"kind": "anisotropic", "tensor": {"xx": 0.3, "yy": 0.2}},
        {"kind": "advection-diffusion", "velocity": {"x": 0.5}},
    ],
    ids=lambda equation: str(equation["kind"]),
)
def test_a_case_that_names_some_axes_can_be_run_and_run_again(equation: Any, small: Small, tmp_path: Path) -> None:
    """A case written out names all axes that there could be."""
    result = sim.run(small(equation=equation, time__end=0.01), output=tmp_path / "run")
    again = sim.run(tmp_path / "run" / "case.toml", output=tmp_path / "again")
    assert again.statistics == result.statistics


def test_no_heat_is_turned_through_closed_walls(small: Small) -> None:
    tensor = {"xx": 0.3, "yy": 0.2, "xy": "0.2*cos(x)"}
    walls = {"x": "neumann", "y": {"kind": "neumann", "flux": 0.5}}
    case = small(equation={"kind": "anisotropic", "tensor": tensor}, boundary=walls, time__end=0.01)
    closed = solve(case).result.drift
    assert closed is not None and closed < 1e-13
    ring = solve(case | {"boundary": {"x": "periodic", "y": "periodic"}}).result.drift
    assert ring is not None and ring < 1e-13
