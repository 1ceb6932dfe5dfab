"""∇·(k∇u) of fourth order: beside walls, in implicit steps, where k jumps, and at its stable step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim

Table = dict[str, Any]


def rod(cells: int, **tables: Any) -> Table:
    case = {
        "name": "rod",
        "grid": {"x": {"cells": cells, "upper": 1.0}},
        "equation": {"alpha": "1 + x"},
        "initial": {"u": "1 + sin(5*x)"},
        "boundary": {"x": "neumann"},
        "time": {"end": 0.02, "integrator": "heun"},
        "numerics": {"dtype": "float64", "order": 4},
        "parallel": {"transport": "serial"},
    }
    return {**case, **tables}


def last(result: sim.Result) -> np.ndarray:
    with h5py.File(result.snapshots[-1]) as file:
        return file["u"][0]


FLOWS = [
    ("heun", "arithmetic", "1 + x"),
    ("rk4", "harmonic", "1 + x"),
    ("rkl2", "arithmetic", "1 + x * u / 2 + t"),
    ("backward-euler", "harmonic", "1 + x * u / 2 + t"),
]


@pytest.mark.long
@pytest.mark.parametrize(("integrator", "mean", "alpha"), FLOWS)
def test_what_flows_in_is_what_comes_to_be_there(integrator: str, mean: str, alpha: str, tmp_path: Path) -> None:
    """To rounding, however k slopes at the wall."""
    flows = {"lower": {"kind": "neumann", "flux": 0.25}, "upper": {"kind": "neumann", "flux": -0.5}}
    step = {"step": 0.01} if integrator == "backward-euler" else {}
    case = rod(16, boundary={"x": flows}, equation={"alpha": alpha, "mean": mean})
    case |= {"time": {"end": 0.05, "integrator": integrator, **step}, "solver": {"tolerance": 1e-14}}
    case["probes"] = {"every": 1, "sides": {"out": {"side": "x.upper"}}}
    result = sim.run(case, output=tmp_path / "run")
    assert result.drift is not None and result.drift < 1e-12
    with h5py.File(result.directory / "probes.h5") as file:
        np.testing.assert_allclose(file["out"][:], -0.5, rtol=1e-11)


@pytest.mark.long
@pytest.mark.parametrize("integrator", ["ssprk3", "bs23"])
def test_energy_is_balanced_where_walls_exchange_heat(integrator: str, tmp_path: Path) -> None:
    """∫u changes by what the wall's probe has seen flow in, by the trapezoidal rule."""
    walls = {"lower": {"kind": "robin", "h": 3.0, "ambient": 2.0}, "upper": {"kind": "radiation", "sigma": 0.5}}
    case = rod(12, boundary={"x": walls}, time={"end": 0.05, "integrator": integrator, "step": 1e-4})
    if integrator == "bs23":
        case["time"]["longest"] = 1e-4
    sides = {"left": {"side": "x.lower"}, "right": {"side": "x.upper"}}
    case |= {"probes": {"every": 1, "sides": sides}, "solver": {"tolerance": 1e-12}}
    result = sim.run(case, output=tmp_path / "run")
    with h5py.File(result.directory / "probes.h5") as file:
        time, flow = file["time"][:], file["left"][:] + file["right"][:]
    with h5py.File(result.snapshots[0]) as file:
        before = file["u"][0].mean()
    assert last(result).mean() - before == pytest.approx(np.trapezoid(flow, time), rel=1e-5)


@pytest.mark.parametrize("mean", ["arithmetic", "harmonic"])
def test_the_stable_step_is_stable(mean: str, tmp_path: Path) -> None:
    """Where k jumps over four decades from cell to cell too: no face's k is negative."""
    alpha = "where(sin(40*x + 1) > 0, 1, 0.0001)"
    case = rod(29, equation={"alpha": alpha, "mean": mean}, initial={"u": "where(sin(90*x) > 0, 1, 0)"})
    case["time"] = {"end": 0.5, "safety": 1.0, "integrator": "euler"}
    u = last(sim.run(case, output=tmp_path / "run"))
    assert u.min() > -0.5 and u.max() < 1.5
    # Energy only falls, so neither is there a mode that stays.
    assert u.var() < 0.25


@pytest.mark.long
def test_a_slab_that_hardly_conducts_holds_the_heat(tmp_path: Path) -> None:
    """Harmonic means are those of resistances in series: the flux through the slab is Δu / Σ h/k."""
    walls = {"lower": {"kind": "dirichlet", "value": 1.0}, "upper": {"kind": "dirichlet", "value": 0.0}}
    alpha = "where((x > 0.4) & (x < 0.6), 0.001, 1)"
    case = rod(20, equation={"alpha": alpha, "mean": "harmonic"}, boundary={"x": walls}, time={"steady": True})
    u = last(sim.run(case, output=tmp_path / "run"))
    assert u[5] > 0.99 and u[-6] < 0.01


@pytest.mark.long
@pytest.mark.parametrize("alpha", ["1 + x/2 + cos(6*x)/3", "1 + u**2/4"])
def test_steady_states_are_found(alpha: str, tmp_path: Path) -> None:
    """By multigrid of the second order within Krylov's method; the explicit loop stays where they are."""
    walls = {"lower": {"kind": "dirichlet", "value": 1.0}, "upper": {"kind": "robin", "h": 2.0}}
    case = rod(24, equation={"alpha": alpha, "source": "sin(9*x)"}, boundary={"x": walls}, time={"steady": True})
    steady = sim.run(case, output=tmp_path / "steady")
    assert steady.iterations is not None and steady.iterations["krylov"] < 20 * steady.iterations["newton"]
    np.save(tmp_path / "steady.npy", last(steady))
    file = {"file": str(tmp_path / "steady.npy")}
    case |= {"initial": {"u": file}, "time": {"end": 0.01, "integrator": "euler"}}
    np.testing.assert_allclose(last(sim.run(case, output=tmp_path / "on")), last(steady), rtol=1e-7)


PLACES: list[Table] = [
    {"transport": "serial", "ghost_depth": 2, "tile": [3]},
    {"transport": "virtual", "blocks": 2, "ghost_depth": 1},
    {"transport": "xla", "devices": 2},
]


@pytest.mark.long
@pytest.mark.parametrize("integrator", ["heun", "backward-euler"])
def test_the_same_bits_in_time_blocks_and_on_every_transport(integrator: str, tmp_path: Path) -> None:
    """Two axes, walls that flow, k(u), float32; explicit and implicit."""
    case = rod(13, equation={"alpha": "1 + x*u/4"}, numerics={"dtype": "float32", "order": 4})
    case["grid"]["y"] = {"cells": 18, "upper": 1.0}
    case["boundary"] = {"x": {"lower": {"kind": "robin", "h": 2.0, "ambient": 0.5}, "upper": "neumann"}}
    case["boundary"]["y"] = "dirichlet"
    case["time"] = {"end": 0.002, "step": 0.002 if integrator == "backward-euler" else 1e-4, "integrator": integrator}
    found = set()
    for number, parallel in enumerate([{"transport": "serial", "ghost_depth": 1}, *PLACES]):
        found.add(last(sim.run({**case, "parallel": parallel}, output=tmp_path / str(number))).tobytes())
    assert len(found) == 1
