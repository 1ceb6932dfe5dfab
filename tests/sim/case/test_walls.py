"""Walls that need to know more than the case says are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sim import casefile
from sim.errors import SimError


def test_an_axis_without_boundary_is_named(small: Callable[..., dict[str, Any]]) -> None:
    table = small()
    del table["boundary"]["y"]
    with pytest.raises(SimError, match=r"boundary\.y is missing"):
        casefile.load(table)


def test_a_flux_without_diffusivity_is_refused(small: Callable[..., dict[str, Any]]) -> None:
    wall = {"kind": "neumann", "flux": 1.0}
    with pytest.raises(SimError, match=r"equation\.alpha is 0"):
        casefile.load(small(equation__alpha=0.0, boundary__x=wall))


@pytest.mark.parametrize("wall", [{"kind": "robin", "h": 1.0}, {"kind": "radiation"}, {"kind": "neumann", "flux": 1.0}])
@pytest.mark.parametrize("equation", [{"u": "laplace(u)"}, {"kind": "heat", "alpha": "1 + grad_squared(u)"}])
def test_a_wall_that_lets_through_needs_to_know_how_much(
    wall: dict[str, Any], equation: dict[str, Any], small: Callable[..., dict[str, Any]]
) -> None:
    table = {**small(boundary__x=wall), "equation": equation}
    with pytest.raises(SimError, match=r"boundary\.x\.lower: .* needs a diffusivity that is known there"):
        casefile.load(table)


UNKNOWN = {
    "text": ({"u": "0.3 * laplace(u)"}, "parameter or coefficient alpha"),
    "alpha of 0": ({"u": "alpha * laplace(u)", "parameters": {"alpha": 0.0}}, "parameter or coefficient alpha"),
    "heat": ({"kind": "heat", "alpha": 0.0}, r"equation\.alpha is 0"),
    "conduction": ({"kind": "conduction", "conductivity": 0.0}, r"equation\.conductivity is 0"),
    "transport": ({"kind": "advection-diffusion", "velocity": {"x": 1.0}}, r"equation\.alpha is 0"),
    "reaction": ({"kind": "allen-cahn", "diffusivity": 0.1}, "this equation has none; take one of heat"),
}


@pytest.mark.parametrize(("equation", "why"), UNKNOWN.values(), ids=UNKNOWN)
def test_it_is_said_which_diffusivity_a_wall_misses_and_which_wall(
    equation: dict[str, Any], why: str, small: Callable[..., dict[str, Any]]
) -> None:
    table = {**small(boundary__x="outflow"), "equation": equation}
    table["boundary"]["fields"] = {"u": {"x": {"lower": "outflow", "upper": {"kind": "robin", "h": 1.0}}}}
    with pytest.raises(SimError, match=rf"boundary\.fields\.u\.x\.upper: a flux .* known there; .*{why}"):
        casefile.load(table)


def test_an_outflow_needs_two_cells_to_go_on_from(small: Callable[..., dict[str, Any]]) -> None:
    """The second one of one cell would be a ghost beyond the other wall."""
    with pytest.raises(SimError, match=r"boundary\.x\.upper = outflow .*, and grid\.x\.cells is 1; use neumann"):
        casefile.load(small((8, 1), boundary__x={"lower": "neumann", "upper": "outflow"}))
    assert casefile.load(small((8, 2), boundary__x="outflow")).ndim == 2


@pytest.mark.parametrize("given", [{"parameters": {"alpha": 0.3}}, {"coefficients": {"alpha": "1 + x"}}])
def test_a_wall_finds_the_alpha_of_formulas(given: dict[str, Any], small: Callable[..., dict[str, Any]]) -> None:
    table = small(boundary__x={"kind": "robin", "h": 1.0})
    loaded = casefile.load({**table, "equation": {"u": "div(alpha * grad(u))", **given}})
    assert [loaded.equation.wall_conductivity] == [alpha for values in given.values() for alpha in values.values()]
