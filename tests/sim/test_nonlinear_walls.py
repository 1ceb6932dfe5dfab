"""Conductivities that depend on the field, at walls through which something flows."""

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


def rod(cells: int, boundary: Table, **tables: Any) -> Table:
    """k(u) = 1 + u between walls, without sources: where it is steady, u + u²/2 is linear in x."""
    case = {
        "name": "rod",
        "grid": {"x": {"cells": cells, "upper": 1.0}},
        "equation": {"alpha": "1 + u"},
        "initial": {"u": "1 + x"},
        "boundary": {"x": boundary},
        "time": {"steady": True},
        "numerics": {"dtype": "float64"},
        "parallel": {"transport": "serial"},
        # Kirchhoff: u + u²/2 = 3/2 - x, from u = 1 at x = 0 with -1 flowing in at x = 1.
        "exact": {"u": "sqrt(1 + 2 * (3/2 - x)) - 1"},
    }
    return {**case, **tables}


COLD = {"kind": "dirichlet", "value": 1.0}
# u(1) = √2 - 1, and there k ∂u/∂n = -1.
OTHERS: dict[str, Table] = {
    "neumann": {"kind": "neumann", "flux": -1.0},
    "robin": {"kind": "robin", "h": 2.0, "ambient": 2**0.5 - 1.5},
    "radiation": {"kind": "radiation", "emissivity": 1.0, "sigma": 1 / (2**0.5 - 1) ** 4, "ambient": 0.0},
}


@pytest.mark.long
@pytest.mark.parametrize("other", OTHERS)
def test_steady_states_are_of_second_order(other: str, tmp_path: Path) -> None:
    """By Newton's and Krylov's methods, in a few of the former."""
    errors = []
    for cells in (8, 32):
        case = rod(cells, {"lower": COLD, "upper": OTHERS[other]})
        result = sim.run(case, output=tmp_path / str(cells))
        assert result.errors is not None and result.iterations is not None
        errors.append(result.errors["u"]["max"])
        assert 2 <= result.iterations["newton"] <= 8
    assert np.log(errors[0] / errors[1]) / np.log(4) == pytest.approx(2.0, abs=0.15)


@pytest.mark.long
@pytest.mark.parametrize("mean", ["arithmetic", "harmonic"])
@pytest.mark.parametrize("integrator", ["heun", "backward-euler"])
def test_what_flows_in_is_what_comes_to_be_there(integrator: str, mean: str, tmp_path: Path) -> None:
    """To rounding: the wall's flux is that of the other faces; and the probe sees it so."""
    sides = {"lower": {"kind": "neumann", "flux": 0.25}, "upper": {"kind": "neumann", "flux": -0.5}}
    case = rod(16, sides, exact={}, equation={"alpha": "1 + x * u / 2 + t", "mean": mean})
    case["time"] = {"end": 0.05, "integrator": integrator} | ({} if integrator == "heun" else {"step": 0.01})
    case["solver"] = {"tolerance": 1e-14}
    case["probes"] = {"every": 1, "sides": {"out": {"side": "x.upper"}}}
    result = sim.run(case, output=tmp_path / "run")
    assert result.drift is not None and result.drift < 1e-12
    with h5py.File(result.directory / "probes.h5") as file:
        np.testing.assert_allclose(file["out"][:], -0.5, rtol=1e-11)


@pytest.mark.parametrize(
    ("mean", "order"),
    [
        ("harmonic", 2),
        ("arithmetic", 4),
        *(pytest.param(*other, marks=pytest.mark.long) for other in (("arithmetic", 2), ("harmonic", 4))),
    ],
)
def test_a_place_in_a_conductivity_is_mirrored_however_it_is_written(mean: str, order: int) -> None:
    """x alone has no cell of a block, and beyond the wall at 0 it would be negative; x + 0 is a coefficient."""
    sides = {"lower": {"kind": "neumann", "flux": 0.25}, "upper": OTHERS["robin"]}
    found = []
    for x in ("x", "(x + 0)"):
        case = rod(8, sides, equation={"alpha": f"{x} * (1 + u)", "mean": mean}, exact={}, time={"end": 0.01})
        case["numerics"]["order"] = order
        with sim.start(case) as running:
            running.advance(to=0.01)
            found.append(running.whole("u"))
    np.testing.assert_array_equal(*found)
    assert found[0][0] > 1.0


@pytest.mark.long
def test_the_same_bits_wherever_they_are_filled(tmp_path: Path) -> None:
    """In tiles, in ghosts of ghosts, on several blocks; float32, walls of all kinds."""
    case = rod(13, {"lower": OTHERS["robin"], "upper": OTHERS["radiation"]}, exact={})
    case["grid"]["y"] = {"cells": 18, "upper": 1.0}
    case["boundary"]["y"] = {"lower": COLD, "upper": {"kind": "neumann", "flux": "x"}}
    case |= {"equation": {"alpha": "1 + x*u/4 + u**2/3"}, "numerics": {"dtype": "float32"}, "time": {"end": 0.01}}
    places: list[Table] = [
        {"transport": "serial", "ghost_depth": 1},
        {"transport": "serial", "ghost_depth": 4, "tile": [2]},
        {"transport": "virtual", "blocks": 6, "ghost_depth": 3},
        {"transport": "xla", "devices": 3},
    ]
    found = set()
    for number, parallel in enumerate(places):
        with h5py.File(sim.run({**case, "parallel": parallel}, output=tmp_path / str(number)).snapshots[-1]) as file:
            found.add(file["u"][:].tobytes())
    assert len(found) == 1


def test_a_flux_needs_a_conductivity_without_derivatives(small: Callable[..., Table]) -> None:
    walls = {"x": "periodic", "y": {"kind": "neumann", "flux": 1.0}}
    with pytest.raises(SimError, match="a flux through a wall needs a diffusivity that is known there"):
        casefile.load(small(boundary=walls, equation={"alpha": "1 + grad_squared(u)"}))
