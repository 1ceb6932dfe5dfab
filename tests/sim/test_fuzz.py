"""Thousands of damaged inputs: each is understood or refused in the user's terms; never a traceback or a hang."""

from __future__ import annotations

import contextlib
import random
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

import sim
from sim import casefile
from sim.errors import SimError
from sim.expression import Formula, FormulaError
from tests.sim.mutation import mutations

CASES = 1500
FORMULAS = 8000
RUNS = 10

SEEDS = (
    "sin(pi * x) * exp(-t) + where(y > 0.5, x**2, max(x, y, 0.1))",
    "100 * cos(2*x + 0.3) / (1 + x*y) - (x - 0.5)**3",
    "heaviside(x - 0.5) * tanh(10 * y) + atan2(y, x) % 2 // 1",
    "(x > 0.2) & (y < 0.3) | not (x == y)",
)
WORDS = (
    *("sin", "(", ")", "**", "*", "+", "-", "/", "//", "%", ",", "x", "y", "t", "z", "pi", "e", "1e308", "0", "9" * 30),
    *("where(", "max(", "==", "<", "and", "or", "not", "lambda", "[0]", ".real", "__class__", "'a'", "\n", "\u00e9"),
    *("x.__class__", "eval('1')", "import", ":=", "if", "else", "1j", "True", "None", "~", "^", "@", "{}", "f''"),
)


def text_of(name: str) -> str:
    return (resources.files("sim") / "cases" / f"{name}.toml").read_text(encoding="utf-8")


@pytest.mark.long
@pytest.mark.parametrize("name", casefile.builtin_names())
def test_damaged_cases(name: str, tmp_path: Path) -> None:
    understood = 0
    path = tmp_path / "case.toml"
    for text in mutations(text_of(name), CASES, seed=len(name)):
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        try:
            case = casefile.load(path)
        except SimError:
            continue
        understood += 1
        assert casefile.load(casefile.load(path)) == case
        assert casefile.to_toml(case)
    assert 0 < understood < CASES, "damage is neither always nor never seen"


@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_formulas(seed: str) -> None:
    values = {name: np.linspace(-1.0, 1.0, 5) for name in ("x", "y", "t")}
    understood = 0
    for text in mutations(seed, FORMULAS // len(SEEDS), seed=len(seed), tokens=WORDS):
        try:
            found = Formula.parse(text, ("x", "y", "t")).evaluate(values)
        except FormulaError:
            continue
        understood += 1
        assert found.dtype == np.float64
    assert understood > 0


@pytest.mark.long
def test_damaged_cases_that_are_understood_run_or_say_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few whole runs; nothing is written outside the directory that they are given."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    small = text_of("heat2d").replace("cells = 512", "cells = 12").replace("end = 0.01", "end = 0.002")
    ran = 0
    for number, text in enumerate(mutations(small, 40 * RUNS, seed=7)):
        path = tmp_path / "case.toml"
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        try:
            case = casefile.load(path)
        except SimError:
            continue
        if case.to_grid().cells > 10_000 or case.time.end > 1.0 or random.Random(number).random() < 0.5:
            continue
        with contextlib.suppress(SimError):
            sim.run(case, output=tmp_path / "runs" / str(number))
        ran += 1
        if ran == RUNS:
            break
    assert ran > 5
    assert {entry.name for entry in tmp_path.iterdir()} == {"case.toml", "runs"}
