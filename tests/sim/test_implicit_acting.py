"""Sources and regions do after implicit steps what they do after explicit ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim import casefile
from sim.errors import SimError

Table = dict[str, Any]

CLOSED = {"boundary": {"x": "neumann", "y": "neumann"}, "initial": {"u": "x"}}
MOVING = {"sources": [{"at": {"x": "0.3 + 9 * t", "y": 0.4}, "strength": "10 + 20 * t"}]}
ALL = {
    **MOVING,
    "regions": [
        {"box": {"x": [0.1, 0.5]}, "multiply": "1 - 0.1 * u", "times": [0.011]},
        {"ball": {"centre": {"x": 0.5, "y": 0.5}, "radius": 0.4}, "max": 1.5},
    ],
}


def last(result: sim.Result) -> np.ndarray:
    with h5py.File(result.snapshots[-1]) as file:
        return file["u"][0]


@pytest.mark.long
@pytest.mark.parametrize(
    "integrator", ["backward-euler", "crank-nicolson", "tr-bdf2", "bdf2", "imex-ars222", "spectral"]
)
def test_what_a_source_adds_is_there(integrator: str, small: Callable[..., Table], tmp_path: Path) -> None:
    """Neither more nor less: not a method of two steps takes it for a trend."""
    case = {**small(), **CLOSED, **MOVING, "time": {"end": 0.03, "step": 0.002, "integrator": integrator}}
    case["solver"] = {"tolerance": 1e-12}
    result = sim.run(case, output=tmp_path / "run")
    grid = casefile.load(case).to_grid()
    ends = 0.03 * (1 + np.arange(result.steps)) / result.steps
    added = np.sum((10 + 20 * ends) * 0.03 / result.steps) / (grid.cells * grid.cell_volume)
    with h5py.File(result.snapshots[0]) as file:
        assert last(result).mean() - file["u"][0].mean() == pytest.approx(added, rel=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("integrator", ["bdf2", "imex-euler"])
def test_they_come_to_what_explicit_steps_come_to(integrator: str, small: Callable[..., Table], tmp_path: Path) -> None:
    """The splitting's error is of first order in the step."""
    case = {**small(), **CLOSED, **ALL}
    exact = last(sim.run(case, output=tmp_path / "exact", overrides=["time.step=1e-5"]))
    errors = []
    for step in (1e-3, 2.5e-4):
        implicit = {**case, "time": {"end": 0.03, "step": step, "integrator": integrator}}
        errors.append(np.abs(last(sim.run(implicit, output=tmp_path / str(step))) - exact).max())
    assert errors[1] < 0.4 * errors[0] < 0.1 * np.ptp(exact)


@pytest.mark.long
def test_the_same_bits_wherever_they_act(small: Callable[..., Table], tmp_path: Path) -> None:
    case = {**small((13, 18)), **CLOSED, **ALL, "time": {"end": 0.03, "step": 0.003, "integrator": "bdf2"}}
    places: list[Table] = [{}, {"transport": "virtual", "blocks": 4}, {"transport": "xla", "devices": 2}]
    found = {
        last(sim.run({**case, "parallel": parallel}, output=tmp_path / str(number))).tobytes()
        for number, parallel in enumerate(places)
    }
    assert len(found) == 1


def test_what_they_do_not_go_with(small: Callable[..., Table]) -> None:
    with pytest.raises(SimError, match="a steady state is found without any"):
        casefile.load({**small(), **ALL, "time": {"steady": True}})
    with pytest.raises(SimError, match="give time.step"):
        casefile.load({**small(), **ALL, "time": {"end": 0.1, "integrator": "spectral"}})
