"""A blow-up is found and never kept, and it is said what may be why."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim import casefile
from sim.errors import SimError

Fields = Callable[[Path], list[np.ndarray]]

Small = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.usefixtures("elsewhere")

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


def test_what_is_broken_is_shown_and_never_checkpointed(small: Small) -> None:
    """u = 4e37 t in float32: finite up to t = 4, but not the sum of neighbours."""
    case = small((8, 12), numerics__dtype="float32", initial__u=0.0, equation__alpha=0.0, equation__source=4e37)
    case["time"], case["output"], case["checkpoint"] = {"end": 20.0, "step": 0.5}, {"every": 1.0}, {"every": 1}
    with pytest.raises(SimError, match=r"snapshot \d+ at t = \S+ is the last good one, out/broken.h5 shows"):
        sim.run(case, output="out")
    with h5py.File("out/broken.h5") as file:
        assert not np.isfinite(file["u"][:]).all()
    with h5py.File("out/results.h5") as file:
        assert np.isfinite(file["u"][:]).all()
    for path in Path("out/checkpoints").glob("*/u-*.npy"):
        assert np.isfinite(np.load(path)).all()
    with pytest.raises(SimError, match="blew up"):
        sim.resume("out")
    sim.resume("out", overrides=["time.end=2.0"])
    assert not Path("out/broken.h5").exists()


def blowing_up(small: Small, parallel: dict[str, Any]) -> dict[str, Any]:
    """u = 4e37 t without diffusion, in float32: from t = 3, step 6, on the sum of four neighbours is too large."""
    table = small((8, 12), numerics__dtype="float32", initial__u=0.0, equation__alpha=0.0, parallel=parallel)
    table["equation"]["source"] = 4e37
    table["time"], table["output"] = {"end": 10.0, "step": 0.5}, {"every": 1.0}
    return table


@pytest.mark.long
@pytest.mark.parametrize(
    "parallel", [{"transport": "serial"}, {"transport": "xla", "devices": 4}, {"transport": "mpi"}]
)
def test_a_blow_up_names_step_and_time_and_keeps_the_last_good_snapshot(
    small: Small, parallel: dict[str, Any], single_rank_mpi: Any, fields: Fields
) -> None:
    with pytest.raises(SimError) as caught:
        sim.run(blowing_up(small, parallel), output="out")
    message = str(caught.value)
    step, time = re.search(r"at step (\d+), t = ([\d.]+)", message).groups()  # type: ignore[union-attr]
    assert (int(step), float(time)) in ((6, 3.0), (7, 3.5), (8, 4.0))
    assert "96 of 96" in message and "snapshot 2 at t = 2" in message
    snapshots = fields(Path("out"))
    assert len(snapshots) == 3 and all(np.isfinite(u).all() for u in snapshots)
    assert snapshots[2] == pytest.approx(8e37)
    with h5py.File("out/results.h5") as file:
        assert file["u"].shape == (3, 8, 12) and file["time"][:].tolist() == [0, 1, 2]
    record = json.loads(Path("out/run.json").read_text())
    assert record["status"] == "failed" and "blew up" in record["error"]
    assert not list(Path("out").rglob("*.part"))


def test_one_broken_cell_is_found(small: Small) -> None:
    """Also where it is the last of the last block."""
    table = small((8, 8), initial__u="where((x > 1.2) & (y > 1.2), 1.5e308, 0)", equation__alpha=1.0)
    table["equation"]["source"] = "where((x > 1.2) & (y > 1.2), 1e308, 0)"
    table["time"], table["output"] = {"end": 1.0, "step": 0.005}, {}
    table["parallel"] = {"transport": "xla", "devices": 4}
    table["equation"]["alpha"] = 0.0
    with pytest.raises(SimError, match=r"[1-9]\d* of 64 cells"):
        sim.run(table, output="out")
