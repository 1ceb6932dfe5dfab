"""What is made of coefficients alone: once for all stages of a tile, to the same bits."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from solvers.boundary import Dirichlet, Neumann
from solvers.equations import Heat, Written
from solvers.fluxes import FluxForm
from solvers.integrators import SSPRK3, Euler, Explicit, Step
from solvers.terms import DivergenceOfFlux, Given
from solvers.walls import Sides, Walls

Run = Callable[..., Any]

SHAPES = {1: (400,), 2: (70, 93), 3: (33, 24, 17)}
TILES = {1: (11,), 2: (7, 20), 3: (4, 5)}
SIDES: Sides = [(Dirichlet(0.5), Neumann(0.3)), (Neumann(0.0), Dirichlet(-0.2)), (Dirichlet(0.1), Dirichlet(0.0))]
FORMS = [FluxForm("harmonic"), FluxForm("arithmetic", 4), FluxForm("harmonic", 4)]


def conducting(heat: Run, shape: tuple[int, ...], step: Step, depth: int, tile: tuple[int, ...]) -> Any:
    """A run of that step in a box with walls, so many stages an exchange."""
    ndim = len(shape)
    spacing = (0.1, 0.2, 0.15)[:ndim]
    run = heat(shape, SIDES[:ndim], spacing, depth=depth * step.width, tile=tile)
    walls = {"u": Walls(SIDES[:ndim], run.march.grid, step.width)}
    return type(run)(replace(run.march, step=step, walls=walls), run.transport)


def advanced(run: Any, place: Run, dtype: str, steps: int) -> np.ndarray:
    """Noise after some steps where k jumps."""
    shape = run.transport.topology.shape
    random = np.random.default_rng(len(shape))
    buffers, coefficients, clock = run.arguments(random.standard_normal(shape).astype(dtype), 1e-4)
    coefficients["alpha"] = place(run.transport, random.choice([1e-3, 1.0, 3.0], shape).astype(dtype))
    buffers, _ = run.programs["even"](buffers, coefficients, clock, jnp.int64(steps * run.march.stages))
    found: np.ndarray = run.whole(buffers)
    return found


def same_in_tiles(heat: Run, place: Run, ndim: int, dtype: str, step: Step, depth: int) -> None:
    shape = SHAPES[ndim]
    plain = advanced(conducting(heat, shape, step, 1, ()), place, dtype, 10)
    assert np.isfinite(plain).all()
    tiled = advanced(conducting(heat, shape, step, depth, TILES[ndim]), place, dtype, 10)
    np.testing.assert_array_equal(tiled, plain)


@pytest.mark.parametrize("form", FORMS[:2], ids=str)
def test_tiles_change_no_bit(form: FluxForm, heat: Run, place: Run) -> None:
    same_in_tiles(heat, place, 2, "float32", Euler(Heat(form)), 5)


@pytest.mark.long
@pytest.mark.parametrize(("dtype", "depth"), [("float32", 5), ("float64", 2)])
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_tiles_change_no_bit_in_any_dimension(
    form: FluxForm, ndim: int, dtype: str, depth: int, heat: Run, place: Run
) -> None:
    same_in_tiles(heat, place, ndim, dtype, Euler(Heat(form)), depth)


@pytest.mark.long
def test_tiles_change_no_bit_of_what_is_written(heat: Run, place: Run) -> None:
    """A coefficient in a formula, in two fluxes of unlike forms, one of them around the other, and several stages."""
    k, u = Given("alpha"), Given("u")
    inner = DivergenceOfFlux(k, u, FluxForm("harmonic"))
    outer = DivergenceOfFlux(k, inner, FluxForm("harmonic"))
    same_in_tiles(heat, place, 2, "float64", Explicit(Written({"u": outer}), SSPRK3), 4)


def computations(run: Any, place: Run) -> list[str]:
    """Those of a compiled loop that divide."""
    u = np.ones(run.transport.topology.shape, "float32")
    buffers, coefficients, clock = run.arguments(u, 1e-4)
    coefficients["alpha"] = place(run.transport, u)
    text = run.programs["even"].lower(buffers, coefficients, clock, jnp.int64(4)).compile().as_text()
    return [part for part in re.split(r"\n\n", text) if re.search(r"f32\[\d+,\d+\]\S* divide\(", part)]


def test_no_stage_of_a_tile_divides(heat: Run, place: Run) -> None:
    """Where differences of u are taken there is no mean of k to be made; step by step there is."""
    step = Euler(Heat(FluxForm("harmonic")))
    in_tiles, plain = (
        computations(conducting(heat, (300, 400), step, *choice), place) for choice in ((4, (32,)), (1, ()))
    )
    assert in_tiles and plain
    assert not any("subtract(" in part for part in in_tiles)
    assert any("subtract(" in part for part in plain)
