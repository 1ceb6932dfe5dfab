"""What several neighbours look at: computed once a cell where it takes long, to the same bits."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers import patch
from solvers.boundary import Dirichlet, Neumann
from solvers.equations import Written
from solvers.integrators import Euler
from solvers.operators import laplacian
from solvers.rounding import Rounding
from solvers.stencil import Stencil
from solvers.terms import Difference, Given, Pointwise
from solvers.walls import Sides
from tests.equations import EQUATIONS, case_of, outcome

Run = Callable[..., Any]

SHAPES = {1: (300,), 2: (50, 41), 3: (21, 18, 17)}
SIDES: Sides = [(Dirichlet(0.5), Neumann(0.3)), (Neumann(0.0), Dirichlet(-0.2)), (Dirichlet(0.1), Dirichlet(0.0))]


def _exp(_: Rounding, u: jax.Array) -> jax.Array:
    return jnp.exp(u)


def diffusing(heat: Run, ndim: int, depth: int = 1, tile: tuple[int, ...] = ()) -> Any:
    """∂u/∂t = ∇²exp(u) in a box with walls."""
    spacing = (0.1, 0.2, 0.15)[:ndim]
    run = heat(SHAPES[ndim], SIDES[:ndim], spacing, depth=depth, tile=tile)
    of = Pointwise(_exp, (Given("u"),), adds=True, is_long=True)
    step = Euler(Written({"u": Difference(Stencil(laplacian(spacing), "slices"), of)}))
    return type(run)(replace(run.march, step=step), run.transport)


def computations(run: Any) -> list[str]:
    """Those of a compiled loop that take exp."""
    arguments = run.arguments(np.ones(run.transport.topology.shape, "float32"), 1e-4)
    text = run.programs["even"].lower(*arguments, jnp.int64(4)).compile().as_text()
    return [part for part in re.split(r"\n\n", text) if " exponential(" in part]


@pytest.mark.parametrize(("depth", "tile"), [(1, ()), (4, (8,))])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_no_sum_over_neighbours_takes_a_function(
    ndim: int, depth: int, tile: tuple[int, ...], heat: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each cell it is taken apart; together with the sum, it would be for every neighbour."""
    kept = computations(diffusing(heat, ndim, depth, tile))
    assert kept and not any(" slice(" in part for part in kept)
    monkeypatch.setattr(patch, "_CACHED", 0)
    computed = computations(diffusing(heat, ndim, depth, tile))
    assert computed and all(" slice(" in part for part in computed)


def same_if_kept(name: str, ndim: int, dtype: str, tile: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    base, _, order = name.partition(", order ")
    case = case_of(base, ndim, dtype)
    case["numerics"] |= {"order": int(order or 2)}
    depth = 3 if tile else 1
    kept, _ = outcome(case, depth=depth, tile=tile, dt=1e-5)
    monkeypatch.setattr(patch, "_CACHED", 0)
    computed, _ = outcome(case, depth=depth, tile=tile, dt=1e-5)
    for field, u in kept.items():
        assert np.isfinite(u).all()
        np.testing.assert_array_equal(u, computed[field])


HELD = ["cahn-hilliard", "porous medium", "heat, harmonic, order 4", "text, operators"]


def test_to_be_kept_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    same_if_kept("porous medium", 2, "float32", (4,), monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("tile", [(), (4, 5)], ids=str)
@pytest.mark.parametrize(("ndim", "dtype"), [(1, "float64"), (2, "float64"), (3, "float32")])
@pytest.mark.parametrize("name", HELD)
def test_to_be_kept_changes_no_bit_in_any_dimension(
    name: str, ndim: int, dtype: str, tile: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    same_if_kept(name, ndim, dtype, tile[: max(1, ndim - 1)], monkeypatch)


TEXTS = {
    "laplace(u)": 0,
    "laplace(u**3 - u)": 0,
    "laplace(u/D)": 0,
    "laplace(u/(1 + t))": 0,
    "exp(-u)": 0,
    "exp(-laplace(u))": 0,
    "d_dx(d_dx(u))": 0,
    "laplace(1/u)": 1,
    "laplace(abs(u)**1.3)": 1,
    "laplace(2*sqrt(u) - u)": 1,
    "laplace(laplace(u))": 1,
    "d_dx(d_dx(exp(u)))": 2,
    "div(exp(-u)*grad(u))": 1,
    "div((1 + u**2)*grad(u))": 0,
}


@pytest.mark.parametrize("text", TEXTS)
def test_what_takes_long_is_kept(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else, which would only be written and read again."""
    kept: list[jax.Array] = []
    held = patch.Patch.held

    def counted(self: patch.Patch, values: jax.Array) -> jax.Array:
        if self.holds:
            kept.append(values)
        return held(self, values)

    monkeypatch.setattr(patch.Patch, "held", counted)
    monkeypatch.setitem(EQUATIONS, "text", ({"u": text, "parameters": {"D": 3.0}}, ("u",)))
    outcome(case_of("text", 2, "float32"), steps=2, dt=1e-4)
    stages = 2  # that are traced: of the program of pairs
    assert len(kept) == stages * TEXTS[text]
