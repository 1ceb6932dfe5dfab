"""A blow-up says what may be why: steps that were stable for other fields than there are now, or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sim
from sim import casefile
from sim.errors import SimError

GROWS = {"u": "div((0.1 + u**2) * grad(u)) + 100"}
"""Diffuses the faster the more of it there is, from nearly none."""
TO_GIVE = 'time.integrator = "bs23", whose steps follow their errors, or an implicit one; or check initial'


def message_of(equation: dict[str, Any], path: Path, blocks: int = 1, **time: Any) -> str:
    case = {
        "name": "grows",
        "grid": {"x": {"cells": 32}, "y": {"cells": 9}},
        "equation": equation,
        "initial": {"u": "0.1 * sin(pi * x)"},
        "boundary": {"x": "dirichlet", "y": "periodic"},
        "time": {"end": 1.0, **time},
        "numerics": {"dtype": "float64"},
        "parallel": {"transport": "virtual", "blocks": blocks} if blocks > 1 else {"transport": "serial"},
    }
    with pytest.raises(SimError, match="the field blew up: ") as caught:
        sim.run(casefile.load(case), output=path / "run", overwrite=True)
    return str(caught.value).split("shows where it broke; ")[1]


@pytest.mark.parametrize(
    ("equation", "now"),
    [
        (GROWS, "need not be for those since"),
        ({"alpha": "0.1 + u**2", "source": 100.0}, "need not be for those since"),
        ({"alpha": "0.1 + 10 * t"}, "are not for these, which allow "),
    ],
    ids=["as text", "alpha of u", "alpha of t"],
)
def test_steps_that_fields_have_outgrown_are_named(equation: dict[str, Any], now: str, tmp_path: Path) -> None:
    said = message_of(equation, tmp_path)
    assert f"stable for the fields they were chosen by, {now}" in said
    assert f": give a smaller time.safety (now 0.9) or time.step, {TO_GIVE}" in said


@pytest.mark.long
def test_a_given_step_is_named_as_such_and_all_blocks_agree(tmp_path: Path) -> None:
    alone = message_of(GROWS, tmp_path, step=1e-3)
    assert (
        f"the steps of 0.001, stable for the fields they were chosen by, need not be for those since: give a "
        f"smaller time.step, {TO_GIVE}" in alone
    )
    assert message_of(GROWS, tmp_path, blocks=3, step=1e-3) == alone
    # A smaller step would have fewer stages, and be as near to what is stable.
    assert f"give more time.stages, {TO_GIVE}" in message_of(GROWS, tmp_path, integrator="rkl2", step=0.01)


@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_steps_that_are_stable_are_not_blamed(alpha: float, tmp_path: Path) -> None:
    said = message_of({"alpha": alpha, "source": 1e308}, tmp_path, step=1e-3, end=10.0)
    assert said == "check initial, equation.source, walls, or a smaller time.step"
