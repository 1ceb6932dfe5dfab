"""What the README shows works as it stands there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim import casefile

README = (Path(__file__).parent.parent / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def block(language: str, holding: str) -> str:
    (found,) = [text for text in blocks(language) if holding in text]
    return found


CASE = tomllib.loads(block("toml", 'name = "plate"'))
# What each table needs around it: a grid of the same axes, an equation of the same fields.
TABLES = [text for text in blocks("toml") if 'name = "plate"' not in text]


@pytest.mark.parametrize("text", TABLES, ids=lambda text: text.strip().split("\n")[0].split(" ")[0])
def test_tables_of_a_case_are_valid(text: str) -> None:
    table = tomllib.loads(text)
    case: dict[str, Any] = {**CASE, **table}
    fields = {"u", "v"} if "v" in str(table.get("boundary", {}).get("fields", "")) else {"u"}
    if {"u", "v"} <= set(table.get("equation", {})):
        case["initial"], case["boundary"] = {"u": 0.0, "v": 0.0}, {"x": "periodic", "y": "periodic"}
    elif "v" in fields:
        case["equation"] = {"u": "laplace(u)", "v": "alpha * laplace(v)", "parameters": {"alpha": 1.0}}
        case["initial"] = {"u": 0.0, "v": 0.0}
    assert set(table) <= casefile.load(case).model_fields_set


@pytest.mark.long
def test_a_case_runs_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = block("python", "sim.run(")
    names: dict[str, Any] = {}
    exec(shown, names)
    result = names["result"]
    assert result.time == 0.02 and (tmp_path / "bar" / "results.h5").is_file()
    with h5py.File(result.series) as file:
        exact = np.exp(-(np.pi**2) * 0.02) * np.sin(np.pi * file["x"][:])
        assert np.abs(file["u"][-1] - exact).max() < 1e-4


def test_a_program_of_ones_own_steers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Yours:
        taken = 0

        def take(self, place: tuple[slice, ...], u: np.ndarray) -> None:
            self.taken += u.size

        def heat(self, place: tuple[slice, ...]) -> np.ndarray:
            return np.full([cells.stop - cells.start for cells in place], 1.0)

    monkeypatch.chdir(tmp_path)
    case = {**CASE, "grid": {axis: {"cells": 16} for axis in "xy"}}
    Path("my.toml").write_text(casefile.to_toml(casefile.load(case)))
    names: dict[str, Any] = {"sim": sim, "comm": None, "yours": Yours()}
    exec(block("python", "running.advance("), names)
    assert names["yours"].taken == 16 * 16 * 10
    assert sim.start is names["sim"].start


@pytest.mark.long
def test_a_source_is_found_by_its_gradient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    case = {**CASE, "grid": {axis: {"cells": 16} for axis in "xy"}}
    Path("seen.toml").write_text(casefile.to_toml(casefile.load(case)))
    with sim.start("seen.toml") as running:
        running.advance(to=0.1)
        seen = running.whole("u")
    case["equation"] = {**CASE["equation"], "source": "0 * x"}
    Path("my.toml").write_text(casefile.to_toml(casefile.load(case)))
    names: dict[str, Any] = {"sim": sim, "seen": seen, "rate": 20.0}
    exec(block("python", "running.gradient("), names)
    started = float(((seen - 20.0) ** 2).sum())
    assert names["found"].value < 0.02 * started


def test_an_equation_of_ones_own(tmp_path: Path) -> None:
    """As the same one in words, to rounding."""
    (tmp_path / "fisher.py").write_text(block("python", "class Fisher"))
    (shown,) = re.findall(r"`equation = (\{ kind = \"fisher:Fisher\".*?\})`", README)
    own = tomllib.loads(f"equation = {shown}")["equation"]
    parameters = {**own["parameters"], "D": own["coefficients"]["D"]}
    words = {"u": "D * laplace(u) + r * u * (1 - u)", "parameters": parameters}
    ends = []
    for number, equation in enumerate((own, words)):
        case = {
            "name": "fisher",
            "boundary": {"x": "periodic", "y": "periodic"},
            "grid": {"x": {"cells": 40}, "y": {"cells": 30}},
            "equation": equation,
            "initial": {"u": "0.5 + 0.4 * sin(2 * pi * x) * cos(2 * pi * y)"},
            "time": {"end": 0.3, "step": 1e-3},
            "numerics": {"dtype": "float64"},
        }
        path = tmp_path / f"case{number}.toml"
        path.write_text(casefile.to_toml(casefile.load(case)))
        with h5py.File(sim.run(path, output=tmp_path / str(number)).series) as file:
            ends.append(file["u"][-1])
    assert np.abs(ends[0] - ends[1]).max() < 1e-13
