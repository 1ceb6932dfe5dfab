"""Walls of what conducts the better, or worse, the warmer it is: what flows in is what the condition says."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers.boundary import Flow, Neumann, Radiation, Robin
from solvers.conducting import Conducting
from solvers.rounding import Rounding
from solvers.terms import Given, Pointwise
from solvers.wall import Wall
from tests.solvers.test_wall_values import fill_1d

H = 0.1
LAWS: dict[str, Callable[..., np.ndarray]] = {
    "u": lambda u: u,
    "u**3": lambda u: u * u * u,
    "u**5": lambda u: u * u * u * u * u,
    "1 + u**2": lambda u: 1.0 + u * u,
    "1 / (1 + u)": lambda u: 1.0 / (1.0 + u),
}


def beyond(law: str, condition: Flow, u: float, mean: str = "arithmetic") -> tuple[float, float]:
    """The ghost of a cell, and what flows in through the face between them."""
    k = Pointwise(lambda rounded, x: LAWS[law](x), (Given("u"),))
    (ghost,) = fill_1d(Conducting(condition, "u", k, mean), [u, u], H)  # type: ignore[arg-type]
    a, b = (LAWS[law](np.float64(x)) for x in (u, ghost))
    return ghost, ((a + b) / 2 if mean == "arithmetic" else 2 * a * b / (a + b)) * (ghost - u) / H


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("u", [1e-3, 0.05, 0.5, 2.0])
def test_a_front_enters_something_cold(law: str, u: float) -> None:
    """Where k of the ghost is by orders that of the cell."""
    ghost, flow = beyond(law, Neumann(0.3), u)
    assert flow == pytest.approx(0.3, rel=1e-9)
    ghost, flow = beyond(law, Robin(2.0, 1.5), u)
    assert flow == pytest.approx(2.0 * (1.5 - (u + ghost) / 2), rel=1e-9, abs=1e-12)
    ghost, flow = beyond(law, Radiation(0.7, 1.2), u)
    assert flow == pytest.approx(0.7 * (1.2**4 - ((u + ghost) / 2) ** 4), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("law", ["u", "u**3"])
def test_it_may_enter_what_does_not_conduct_at_all(law: str) -> None:
    _, flow = beyond(law, Neumann(0.3), 0.0)
    assert flow == pytest.approx(0.3, rel=1e-9)


@pytest.mark.parametrize("mean", ["arithmetic", "harmonic"])
def test_it_cools(mean: str) -> None:
    ghost, flow = beyond("u", Robin(0.5, 0.1), 1.0, mean)
    assert flow == pytest.approx(0.5 * (0.1 - (1.0 + ghost) / 2), rel=1e-9)
    ghost, flow = beyond("1 + u**2", Neumann(-2.0), 1.0, mean)
    assert flow == pytest.approx(-2.0, rel=1e-9)


def test_what_takes_long_to_compile_is_written_once() -> None:
    """Formulas of walls are long where they have ends, and each turn of the iteration asks for the same values."""
    asked = {"flux": 0, "k": 0}

    def flux(wall: Wall) -> jax.Array:
        asked["flux"] += 1
        return 0.1 + jnp.zeros_like(wall.mirror)

    def k(_: Rounding, u: jax.Array) -> jax.Array:
        asked["k"] += 1
        return u * u * u

    fill_1d(Conducting(Neumann(flux=flux), "u", Pointwise(k, (Given("u"),)), "arithmetic"), [0.5, 0.5], H)
    assert asked["flux"] == 1
    assert asked["k"] <= 4, "of the cell, and in the one turn that is compiled, once of them for its slope"
