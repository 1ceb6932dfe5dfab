"""Equations of the user's own in Python: found where they are, and called as they ask."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sim
from sim import casefile
from sim.cli import main
from sim.errors import SimError
from sim.problem import build
from tests.sim.python_equations import MODULE, U, case_in, changed

Small = Callable[..., dict[str, Any]]


def test_it_is_called_with_the_grid_and_the_parameters(small: Small, tmp_path: Path) -> None:
    case = case_in(tmp_path, small, "", equation={"parameters": {"rate": 2.0}})
    (tmp_path / "case.toml").write_text(casefile.to_toml(case))
    problem = build(casefile.load(tmp_path / "case.toml"))
    assert problem.equation.rate == 2.0 and problem.equation.grid == problem.grid


def test_it_is_the_one_beside_the_case_as_it_is_now(small: Small, tmp_path: Path) -> None:
    """Whatever is loaded by that name: of another case, of before, of Python's own."""
    for number, folder in enumerate(("a", "b", "a")):
        (tmp_path / folder).mkdir(exist_ok=True)
        case = case_in(tmp_path / folder, small, "", "random:Decay")
        (tmp_path / folder / "random.py").write_text(MODULE.replace("float = 1.0", f"float = {number}.0"))
        assert build(case).equation.rate == number


@pytest.mark.parametrize(
    ("code", "equation", "words"),
    [
        ("", {"kind": "mine:Growth"}, "raises AttributeError: module .* has no attribute 'Growth'"),
        (
            "",
            {"kind": "nowhere_at_all:Decay"},
            "must lie in .*, or be installed: raises ModuleNotFoundError: No module named 'nowhere_at_all'$",
        ),
        ("import nowhere_at_all", {}, r"ModuleNotFoundError: .* \(mine.py, line 19: import nowhere_at_all\)"),
        ("if:", {}, r"SyntaxError: invalid syntax \(mine.py, line 19\)"),
        ("def nothing(grid): return 3", {"kind": "mine:nothing"}, "makes a int"),
        ("", {"parameters": {"speed": 1.0}}, "TypeError: .* unexpected keyword argument 'speed'"),
        (
            "def Worse(grid):\n    return 1 / 0",
            {"kind": "mine:Worse"},
            r"ZeroDivisionError: .* \(mine.py, line 20: ret",
        ),
        ("", {"evolves": ["u", "v"]}, "set equation.evolves"),
        ("Decay.fields = 'u'", {}, "the tuple of names"),
        ("Decay.fields = None", {}, "reading its properties raises TypeError"),
        ("Decay.width = 0", {}, "the width 0; it is the number of ghost layers"),
        ("Decay.width = True", {}, "the width True; it is the number of ghost layers"),
        ("Decay.velocities = {'u': 'v'}", {}, "has the velocities {'u': 'v'}; they are of a field"),
    ],
)
def test_what_makes_no_equation(small: Small, tmp_path: Path, code: str, equation: dict[str, Any], words: str) -> None:
    changes = {"initial": {"u": 1.0, "v": 1.0}} if "evolves" in equation else {}
    with pytest.raises(SimError, match=words) as caught:
        build(case_in(tmp_path, small, code, equation=equation, **changes))
    assert str(caught.value).startswith(f"equation.kind = {equation.get('kind', 'mine:Decay')}")


def test_fields_of_other_names_are_given_in_the_case(small: Small, tmp_path: Path) -> None:
    with pytest.raises(SimError, match=r"initial.a is no field of .*, which has u; equation.evolves has their names"):
        case_in(tmp_path, small, "", initial={"a": 1.0})


@pytest.mark.parametrize("value", [[1.0, 2.0], np.ones(2), {"a": 1.0}, None])
def test_parameters_are_single_values(small: Small, tmp_path: Path, value: Any) -> None:
    good = {"a": 1, "b": 2.5, "c": "text", "d": True}
    case = case_in(tmp_path, small, "", equation={"parameters": good})
    assert repr(casefile.load(tomllib.loads(casefile.to_toml(case))).equation.parameters) == repr(good)
    with pytest.raises(SimError, match=r"not valid:\n  equation.parameters.rate: is a number, a text, .*$"):
        case_in(tmp_path, small, "", equation={"parameters": {**good, "rate": value}})


def test_a_script_that_runs_the_equation_it_defines(small: Small, tmp_path: Path) -> None:
    run = "import sim, pathlib\nsim.run(dict(TABLE), output=pathlib.Path('never'))"
    table = casefile.load(small()).model_dump(mode="json", exclude_none=True)
    table["equation"] = {"kind": "mine:Decay", "folder": str(tmp_path), "coefficients": {"k": 1.0}}
    with pytest.raises(SimError, match='let it run under: if __name__ == "__main__":'):
        build(case_in(tmp_path, small, f"TABLE = {table!r}\n{run}"))
    build(case_in(tmp_path, small, ""))


def test_members_are_of_one_equation(small: Small, tmp_path: Path) -> None:
    """Though the module is loaded for each; but not where what is called makes a class for each."""
    time = {"end": 0.03, "step": 0.01}
    ensemble = {"kind": "product", "vary": {"equation.coefficients.k": [0.5, 1.0]}}
    together = sim.run(case_in(tmp_path, small, "", time=time, ensemble=ensemble), output=tmp_path / "together")
    for member in together.members or ():
        case = case_in(tmp_path, small, "", time=time, equation={"coefficients": {"k": 0.5 + member.number / 2}})
        assert sim.run(case, output=tmp_path / str(member.number)).statistics == member.statistics
    assert len(together.members or ()) == 2
    plain = (
        "class Plain(Equation):\n    def __init__(self, grid, rate=1.0):\n        self.grid, self.rate = grid, rate\n"
    )
    plain += "    fields, width, tendency, rates = ('u',), 1, Decay.tendency, Decay.rates"
    build(case_in(tmp_path, small, plain, "mine:Plain", ensemble=ensemble))
    rates = {"kind": "product", "vary": {"equation.parameters.rate": [0.5, 1.0]}}
    for kind in ("mine:Plain", "mine:Decay"):
        with pytest.raises(SimError, match="let vary its coefficients, no parameters"):
            build(case_in(tmp_path, small, plain, kind, ensemble=rates, equation={"parameters": {"rate": 1.0}}))
    made = "def make(grid):\n    class Made(Decay): pass\n    return Made(grid)"
    with pytest.raises(SimError, match="takes another program"):
        build(case_in(tmp_path, small, made, "mine:make", ensemble=ensemble))


@pytest.mark.parametrize(
    "command",
    [["run", "--output", "out"], ["plan", "--ranks", "2"], ["submit", "--time", "1:00", "--dry-run"]],
    ids=["run", "plan", "submit"],
)
def test_whoever_looks_ahead_says_the_same(
    small: Small, tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    case = case_in(tmp_path, small, changed("tendency", f"return {{'u': {U}}}"), "mine:Changed")
    (tmp_path / "case.toml").write_text(casefile.to_toml(case))
    assert main([command[0], "case.toml", *command[1:]]) == 2
    said = capsys.readouterr().err
    assert said.startswith("sim: error: equation.kind = mine:Changed: tendency(patch) returns float64[5, 6] for u")
    assert said.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_run_goes_on_from_anywhere(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its directory holds the case, but not the module; the same from a folder that the case names."""
    (tmp_path / "study" / "models").mkdir(parents=True)
    case_in(tmp_path / "study" / "models", small, "")
    for number, folder in enumerate((".", "models")):
        case = case_in(tmp_path / "study", small, "", equation={"folder": folder})
        (tmp_path / "study" / "case.toml").write_text(casefile.to_toml(case))
        result = sim.run(tmp_path / "study" / "case.toml", output=tmp_path / str(number))
        monkeypatch.chdir("/")
        assert sim.resume(result.directory, overrides=["time.end=0.05"]).time == 0.05
        (tmp_path / "study" / "mine.py").unlink()
    with pytest.raises(SimError, match=f"must lie in {tmp_path / 'study'}, or be installed"):
        sim.resume(tmp_path / "0", overrides=["time.end=0.06"])
