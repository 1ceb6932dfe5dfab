"""Walls of a material where heat has directions: what the condition says flows through them, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim import casefile
from sim.errors import SimError

Table = dict[str, Any]

TENSOR = {"xx": 0.4, "yy": 0.3, "xy": "0.25 * cos(x)"}
U = "sin(2*x) + cos(y)"
CLOSED = {"x": "neumann", "y": "neumann"}


def plate(cells: int, **tables: Any) -> Table:
    case = {
        "name": "plate",
        "grid": {axis: {"cells": cells, "upper": 1.0} for axis in "xy"},
        "equation": {"kind": "anisotropic", "tensor": TENSOR},
        "initial": {"u": "sin(3*x + y) + x*y"},
        "boundary": CLOSED,
        "time": {"end": 0.05, "integrator": "heun"},
        "numerics": {"dtype": "float64"},
        "parallel": {"transport": "serial"},
    }
    return {**case, **tables}


def last(result: sim.Result) -> np.ndarray:
    with h5py.File(result.snapshots[-1]) as file:
        return file["u"][0]


@pytest.mark.long
@pytest.mark.parametrize("integrator", ["heun", "crank-nicolson"])
def test_heat_is_kept(integrator: str, tmp_path: Path) -> None:
    time = {"end": 0.05, "integrator": integrator} | ({"step": 0.01} if integrator != "heun" else {})
    result = sim.run(plate(12, time=time, solver={"tolerance": 1e-13}), output=tmp_path / "run")
    assert result.drift is not None and result.drift < 1e-13
    # What stays within closed walls ends up evenly.
    end = sim.run(plate(12, time={"end": 9.0, "step": 0.5, "integrator": "backward-euler"}), output=tmp_path / "end")
    assert np.ptp(last(end)) < 1e-4


@pytest.mark.long
@pytest.mark.parametrize("norm", ["l2", "max"])
def test_given_fluxes_are_of_second_order(norm: str, tmp_path: Path) -> None:
    """u = sin(2x) + cos(y) is steady, its source and its fluxes n·A∇u given; A constant.

    The largest error may be in a corner between a flux and a value, and of first order, unseen in l2.
    """
    along_x, along_y = "2*0.4*cos(2*x) - 0.25*sin(y)", "2*0.25*cos(2*x) - 0.3*sin(y)"
    flux = {
        axis: {"lower": {"kind": "neumann", "flux": f"-({text})"}, "upper": {"kind": "dirichlet", "value": U}}
        for axis, text in (("x", along_x), ("y", along_y))
    }
    equation = {
        "kind": "anisotropic",
        "tensor": {"xx": 0.4, "yy": 0.3, "xy": 0.25},
        "source": "4*0.4*sin(2*x) + 0.3*cos(y)",
    }
    errors = []
    for cells in (12, 24, 48):
        case = plate(cells, equation=equation, boundary=flux, time={"end": 4.0, "step": 0.5, "integrator": "bdf2"})
        case |= {"initial": {"u": U}, "exact": {"u": U}}
        found = sim.run(case, output=tmp_path / str(cells)).errors
        assert found is not None
        errors.append(found["u"][norm])
    assert np.polyfit(np.log([12, 24, 48]), -np.log(errors), 1)[0] == pytest.approx(2.0, abs=0.15)


@pytest.mark.long
def test_the_same_bits_however_it_is_cut(tmp_path: Path) -> None:
    places: list[Table] = [
        {"transport": "serial", "ghost_depth": 1},
        {"transport": "serial", "ghost_depth": 4, "tile": [3]},
        {"transport": "virtual", "blocks": 6, "ghost_depth": 2},
    ]
    case = plate(13, numerics={"dtype": "float32"})
    case["boundary"] = {"x": {"lower": "neumann", "upper": {"kind": "neumann", "flux": "y"}}, "y": "neumann"}
    found = {last(sim.run({**case, "parallel": p}, output=tmp_path / str(i))).tobytes() for i, p in enumerate(places)}
    assert len(found) == 1


def test_values_at_a_wall_are_asked_for_on_the_wall_alone(tmp_path: Path) -> None:
    """Ghosts of corners lie beyond it, where sqrt(x) has no value: they go on from those of the wall."""
    ends = {"lower": {"kind": "dirichlet", "value": "sqrt(y)"}, "upper": {"kind": "dirichlet", "value": "sqrt(1 - y)"}}
    sides = {"x": ends, "y": {"kind": "dirichlet", "value": "sqrt(x * (1 - x))"}}
    case = plate(8, boundary=sides, time={"end": 0.01})
    cut = case | {"parallel": {"transport": "virtual", "blocks": 4}}
    found, pieces = (last(sim.run(table, output=tmp_path / name)) for name, table in (("one", case), ("four", cut)))
    assert np.all((found > 0.0) & (found < 1.5))
    np.testing.assert_array_equal(found, pieces)


def test_what_a_full_tensor_does_not_go_with() -> None:
    probes = {"sides": {"a": {"side": "x.lower"}}}
    with pytest.raises(SimError, match=r"probes\.sides\.a: the flux of a full tensor"):
        casefile.load(plate(8, boundary={"x": "dirichlet", "y": "neumann"}, probes=probes))


EXCHANGE: Table = {
    "x": {"lower": {"kind": "robin", "h": "1 + y", "ambient": 2.0}, "upper": {"kind": "radiation", "sigma": 0.5}},
    "y": {"lower": {"kind": "robin", "h": 3.0, "ambient": "x"}, "upper": "neumann"},
}


@pytest.mark.long
def test_heat_that_walls_exchange_is_balanced(tmp_path: Path) -> None:
    """∫u changes by what the walls' probes have seen flow in, by the trapezoidal rule."""
    case = plate(10, boundary=EXCHANGE, time={"end": 0.05, "integrator": "heun", "step": 2e-4})
    case |= {"initial": {"u": "1 + x*y"}}
    case["probes"] = {
        "every": 1,
        "sides": {s.replace(".", "_"): {"side": s} for s in ("x.lower", "x.upper", "y.lower")},
    }
    result = sim.run(case, output=tmp_path / "run")
    with h5py.File(result.directory / "probes.h5") as file:
        time, flow = file["time"][:], sum(file[name][:] for name in ("x_lower", "x_upper", "y_lower"))
    with h5py.File(result.snapshots[0]) as file:
        gain = last(result).mean() - file["u"][0].mean()
    assert gain == pytest.approx(np.trapezoid(flow, time), rel=1e-4) and abs(gain) > 0.01


@pytest.mark.long
@pytest.mark.parametrize("integrator", ["ssprk3", "backward-euler"])
def test_the_same_bits_where_ghosts_slant(integrator: str, tmp_path: Path) -> None:
    """In ghosts of ghosts, on several blocks, and where tiles are asked for; a wall of a value beside them."""
    case = plate(13, numerics={"dtype": "float32"}, initial={"u": "1 + x*y"})
    case["boundary"] = {**EXCHANGE, "y": {"lower": EXCHANGE["y"]["lower"], "upper": "dirichlet"}}
    case["time"] = {"end": 0.02, "integrator": integrator} | ({} if integrator == "ssprk3" else {"step": 0.02})
    places: list[Table] = [
        {"transport": "serial", "ghost_depth": 1},
        {"transport": "serial", "ghost_depth": 4, "tile": [3]},
        {"transport": "virtual", "blocks": 2, "ghost_depth": 2},
        {"transport": "xla", "devices": 2, "ghost_depth": 1},
    ]
    found = {last(sim.run({**case, "parallel": p}, output=tmp_path / str(i))).tobytes() for i, p in enumerate(places)}
    assert len(found) == 1


@pytest.mark.long
@pytest.mark.parametrize("tensor", [TENSOR, {"xx": 1.0, "yy": 1.0, "xy": 0.99}], ids=["varying", "extreme"])
def test_the_stable_step_is_stable(tensor: Table, tmp_path: Path) -> None:
    case = plate(11, equation={"kind": "anisotropic", "tensor": tensor}, time={"end": 3.0, "safety": 1.0})
    result = sim.run(case, output=tmp_path / "run")
    assert np.ptp(last(result)) < 1.0
    cooled = {**case, "boundary": {"x": {"kind": "robin", "h": 2.0}, "y": {"kind": "robin", "h": 50.0}}}
    assert np.abs(last(sim.run(cooled, output=tmp_path / "cooled"))).max() < 0.1


@pytest.mark.parametrize("source", [6.0, "6 + 0*x", "6 + 0*u"])
def test_a_source_warms_what_holds_heat_once(source: float | str) -> None:
    """ρ c ∂u/∂t = q where nothing flows, whether q is the tensor's own or is added to what flows."""
    equation = {"kind": "anisotropic", "tensor": TENSOR, "density": "1 + x", "capacity": 2.0, "source": source}
    case = plate(6, equation=equation, initial={"u": 1.0}, time={"end": 1e-4, "step": 1e-4, "integrator": "euler"})
    with sim.start(case) as running:
        running.advance(to=1e-4)
        found = running.whole("u") - 1.0
        centres = running.grid.centres(1, 0, 6)
    np.testing.assert_allclose(found, np.broadcast_to(6.0 * 1e-4 / (2.0 * (1.0 + centres)), (6, 6)), rtol=1e-9)
