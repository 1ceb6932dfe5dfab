"""Cases whose steps solve systems of equations, from the case file to the message where it fails."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from sim import run
from sim.driver import resume
from sim.errors import SimError

Table = dict[str, Any]


def rod(**tables: Any) -> Table:
    """u'' + 4π² sin(2πx) = 0 between cold ends, its solution known."""
    case = {
        "name": "rod",
        "grid": {"x": {"cells": 24, "upper": 1.0}},
        "equation": {"alpha": 1.0, "source": "4*pi**2*sin(2*pi*x)"},
        "initial": {"u": 0.0},
        "boundary": {"x": "dirichlet"},
        "time": {"steady": True},
        "numerics": {"dtype": "float64"},
        "exact": {"u": "sin(2*pi*x)"},
    }
    return {**case, **tables}


def last(path: Path) -> np.ndarray:
    with h5py.File(path) as file:
        return file["u"][-1]


@pytest.mark.long
def test_a_steady_state_is_found_at_once(tmp_path: Path) -> None:
    result = run(rod(), output=tmp_path / "run", quiet=True)
    assert result.errors is not None and result.iterations is not None
    assert result.errors["u"]["max"] < 0.02 and result.iterations["krylov"] < 12
    assert "iterations in 1 systems" in result.summary()


@pytest.mark.long
def test_a_steady_state_of_a_later_end_is_found_by_a_resumed_run(tmp_path: Path) -> None:
    """Of -u'' = t on [0, 1], held at 0: t/8 in the middle."""
    case = {
        "name": "later",
        "grid": {"x": {"cells": 24}},
        "equation": {"kind": "heat", "alpha": 1.0, "source": "t"},
        "initial": {"u": 0.0},
        "boundary": {"x": "dirichlet"},
        "time": {"end": 1.0, "steady": True},
        "numerics": {"dtype": "float64"},
    }
    assert run(case, output=tmp_path / "run").statistics["u"]["max"] == pytest.approx(0.125, rel=1e-2)
    again = resume(tmp_path / "run")
    assert again.steps == 1 and again.statistics["u"]["max"] == pytest.approx(0.125, rel=1e-2)
    later = resume(tmp_path / "run", overrides=["time.end=2.0"])
    assert later.time == 2.0 and later.statistics["u"]["max"] == pytest.approx(0.25, rel=1e-2)
    with pytest.raises(SimError, match="lies before t = 2"):
        resume(tmp_path / "run", overrides=["time.end=1.5"])


def test_a_steady_state_is_recorded(tmp_path: Path) -> None:
    """However many steps lie between two records of runs that take some."""
    probes = {"points": {"top": {"at": {"x": 0.26}}}}
    result = run(rod(probes=probes), output=tmp_path / "run", quiet=True)
    with h5py.File(tmp_path / "run" / "probes.h5") as file:
        assert file["step"][:].tolist() == [0, 1] and file["time"][:].tolist() == [0.0, 1.0]
        assert file["top"][:].tolist() == [0.0, last(result.series)[6]]


@pytest.mark.long
@pytest.mark.parametrize(
    "transport", [{"transport": "virtual", "blocks": 4}, {"transport": "xla", "devices": 3}], ids=str
)
def test_the_same_bits_on_every_transport(transport: Table, tmp_path: Path) -> None:
    """Variable k, walls of all kinds, one of them in time, a source; blocks that are no multiple of anything."""
    case = rod(
        exact={},
        grid={"x": {"cells": 29, "upper": 1.0}, "y": {"cells": 22, "upper": 1.0}},
        equation={"alpha": "10**(sin(5*x)*cos(4*y))", "source": "x"},
        boundary={
            "x": {"lower": "dirichlet", "upper": {"kind": "robin", "h": 2.0, "ambient": 1.0}},
            "y": {"lower": {"kind": "neumann", "flux": 0.3}, "upper": {"kind": "dirichlet", "value": "x*(1+t)"}},
        },
        time={"end": 0.06, "step": 0.02, "integrator": "bdf2"},
    )
    alone = run({**case, "parallel": {"transport": "serial"}}, output=tmp_path / "alone", quiet=True)
    spread = run({**case, "parallel": transport}, output=tmp_path / "spread", quiet=True)
    np.testing.assert_array_equal(last(spread.series), last(alone.series))
    assert spread.iterations == alone.iterations


@pytest.mark.long
def test_radiation_takes_newtons_method(tmp_path: Path) -> None:
    """u'' = 0 between 2 and a radiating wall: u' = -u⁴ there, so that 2 - u = u⁴ and u = 1."""
    wall = {"kind": "radiation", "emissivity": 1.0, "sigma": 1.0, "ambient": 0.0}
    case = rod(
        grid={"x": {"cells": 32, "upper": 1.0}},
        equation={"alpha": 1.0},
        initial={"u": 2.0},
        boundary={"x": {"lower": {"kind": "dirichlet", "value": 2.0}, "upper": wall}},
        exact={"u": "2 - x"},
    )
    result = run(case, output=tmp_path / "run", quiet=True)
    assert result.errors is not None and result.errors["u"]["max"] < 1e-8
    assert result.iterations is not None and result.iterations["newton"] > 2


@pytest.mark.long
def test_without_a_wall_that_holds_it_the_mean_is_kept(tmp_path: Path) -> None:
    free = rod(
        boundary={"x": "periodic"},
        initial={"u": 7.0},
        exact={"u": "7 + cos(2*pi*x)"},
        equation={"alpha": 1.0, "source": "4*pi**2*cos(2*pi*x)"},
    )
    result = run(free, output=tmp_path / "run", quiet=True)
    assert result.errors is not None and result.errors["u"]["max"] < 0.02
    assert result.statistics["u"]["mean"] == pytest.approx(7.0, abs=1e-12)


@pytest.mark.long
@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"boundary": {"x": "neumann"}, "equation": {"alpha": 1.0, "source": 1.0}}, "no steady state"),
        ({"solver": {"iterations": 1, "tolerance": 1e-13, "newton": 1}}, "left a residual of"),
        ({"time": {"end": 1.0, "integrator": "bdf2"}}, "give time.step"),
        ({"solver": {"tolerance": 2.0}}, "solver.tolerance"),
    ],
    ids=str,
)
def test_what_can_not_be_solved_is_said(tables: Table, message: str, tmp_path: Path) -> None:
    with pytest.raises(SimError, match=message) as raised:
        run(rod(**tables), output=tmp_path / "run", quiet=True)
    if "left a residual" in message:
        assert "snapshot 0 at t = 0 is the last good one" in str(raised.value)
        assert last(tmp_path / "run" / "results.h5").shape == (24,)


def test_a_step_that_rounding_hides_is_refused(tmp_path: Path) -> None:
    """What u should change by is less than what rounding leaves of a residual: it would not change at all."""
    case = rod(
        grid={"x": {"cells": 64, "upper": 1e-4}},
        equation={"alpha": 1.0},
        initial={"u": "1 + cos(pi * x / 1e-4)"},
        boundary={"x": "neumann"},
        time={"end": 0.002, "step": 0.001, "integrator": "tr-bdf2"},
        exact={},
    )
    assert run(case, output=tmp_path / "fine").statistics["u"]["max"] < 1.01
    with pytest.raises(SimError, match=r'rounding, left a residual of .* numerics\.dtype = "float64"'):
        run({**case, "numerics": {"dtype": "float32"}}, output=tmp_path / "coarse")


@pytest.mark.long
@pytest.mark.parametrize(
    ("time", "remedy"),
    [
        ({"end": 1.0, "step": 0.1, "integrator": "backward-euler"}, "use a smaller time.step, or look for roots"),
        ({"steady": True}, "good one; look for roots"),
    ],
    ids=["a step", "a steady state"],
)
def test_residuals_that_are_no_numbers_are_not_blamed_on_iterations(time: Table, remedy: str, tmp_path: Path) -> None:
    case = rod(equation={"u": "0.1 * laplace(u) + sqrt(u) - 50"}, initial={"u": 1.0}, time=time, exact={})
    with pytest.raises(SimError, match="the equation, a wall or a source was, itself or squared, not finite") as caught:
        run(case, output=tmp_path / "run")
    assert remedy in str(caught.value) and "solver." not in str(caught.value)


def test_conjugate_gradients_refuse_what_is_not_symmetric() -> None:
    from sim.case import Case
    from sim.implicit import march_of, suited
    from sim.problem import build

    case = Case.model_validate(rod(solver={"method": "cg"}))
    problem = build(case)
    march = march_of(case, problem.equation, problem.march.walls, problem.grid, 1)
    assert suited(march, case, np.float64(3.0)).newton.krylov == "cg"
    with pytest.raises(SimError, match="needs a symmetric operator"):
        suited(march, case, np.float64(1e9))
    free = Case.model_validate(rod())
    assert suited(march, free, np.float64(1e9)).newton.krylov == "bicgstab"


@pytest.mark.long
def test_a_method_of_two_steps_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """BDF2 needs the fields of a step before: they are in the checkpoint too."""
    case = rod(time={"end": 0.08, "step": 0.01, "integrator": "bdf2"}, exact={})
    whole = run(case, output=tmp_path / "whole", quiet=True)
    run({**case, "checkpoint": {"every": 3, "keep": 10}}, output=tmp_path / "cut", quiet=True)
    checkpoints = sorted((tmp_path / "cut" / "checkpoints").iterdir())
    for later in checkpoints[1:]:
        shutil.rmtree(later)
    resumed = resume(tmp_path / "cut", quiet=True)
    assert checkpoints[0].name == "3" and resumed.steps == whole.steps == 8
    assert resumed.iterations == whole.iterations
    np.testing.assert_array_equal(last(resumed.series), last(whole.series))


def test_where_the_loop_pauses_is_not_in_the_bits(tmp_path: Path) -> None:
    """What rounding leaves of a residual is judged by k as it is at each step, not by that where a pause ended."""
    case = rod(
        exact={},
        equation={"alpha": "0.01 + u**2"},
        initial={"u": "0.05 + 3*exp(-80*(x-0.4)**2)"},
        boundary={"x": "neumann"},
        time={"end": 0.1, "step": 0.01, "integrator": "backward-euler"},
        numerics={"dtype": "float32"},
        solver={"tolerance": 1e-7},
    )
    whole = run({**case, "checkpoint": {"every": "never"}}, output=tmp_path / "whole", quiet=True)
    cut = run({**case, "checkpoint": {"every": 1}}, output=tmp_path / "cut", quiet=True)
    np.testing.assert_array_equal(last(cut.series), last(whole.series))
    assert cut.iterations == whole.iterations


@pytest.mark.long
@pytest.mark.parametrize("method", ["auto", "cg"])
def test_the_krylov_method_is_settled_where_a_run_begins(method: str, tmp_path: Path) -> None:
    """A resumed run has it from the checkpoint, though a wall that has opened makes a tensor's systems unsymmetric."""
    slab = {"cells": 12, "upper": 1.0}
    robin = {"kind": "robin", "h": "10 * (abs(t - 0.5) + (t - 0.5))", "ambient": 1.0}
    case = rod(
        grid={"x": slab, "y": slab},
        equation={"kind": "anisotropic", "tensor": {"xx": 1.0, "yy": 0.5, "xy": 0.5}},
        initial={"u": "x * y"},
        boundary={"x": robin, "y": robin},
        time={"end": 1.0, "step": 0.1, "integrator": "backward-euler"},
        solver={"method": method},
        output={"every": 0.2},
        exact={},
    )
    whole = run(case, output=tmp_path / "whole")
    half = {**case, "time": {**case["time"], "end": 0.8}}
    run(half, output=tmp_path / "cut")
    resumed = resume(tmp_path / "cut", overrides=["time.end=1.0"])
    assert resumed.iterations == whole.iterations
    np.testing.assert_array_equal(last(resumed.series), last(whole.series))


def test_conjugate_gradients_are_judged_at_the_end_that_a_steady_state_belongs_to(tmp_path: Path) -> None:
    case = rod(equation={"u": "laplace(u) + 20 * t * d_dx(u) + 1"}, exact={}, solver={"method": "cg"})
    with pytest.raises(SimError, match="needs a symmetric operator"):
        run(case, output=tmp_path / "run")


def test_systems_that_cease_to_be_symmetric_are_said_to_need_another_method(tmp_path: Path) -> None:
    """Conjugate gradients, asked for, suited the first one."""
    wind = "laplace(u) + 4000 * (abs(t - 0.05) + (t - 0.05)) * d_dx(u) + 1"
    time = {"end": 0.2, "step": 0.02, "integrator": "backward-euler"}
    case = rod(equation={"u": wind}, exact={}, time=time, solver={"method": "cg"})
    with pytest.raises(SimError, match=r'not found: .* solver\.method = "bicgstab" where they are not symmetric'):
        run(case, output=tmp_path / "run", quiet=True)
