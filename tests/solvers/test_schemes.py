"""Explicit schemes as data: their orders, their limits, and what the march makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from solvers.boundary import Dirichlet, Neumann, Periodic
from solvers.integrators import BOGACKI_SHAMPINE, HEUN, RK4, SSPRK3, Scheme, rkl1, rkl2, stages_for
from solvers.integrators.stability import largest_step

Heat = Callable[..., Any]
SCHEMES = [HEUN, SSPRK3, RK4, BOGACKI_SHAMPINE, rkl1(3), rkl1(8), rkl2(3), rkl2(4), rkl2(15)]


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.name)
def test_amplification_is_that_of_the_exponential_to_the_order(scheme: Scheme) -> None:
    z = np.array([0.02, 0.01, 0.005]) * np.exp(0.7j)
    errors = np.abs(scheme.amplification(z) - np.exp(z))
    slope = np.polyfit(np.log(np.abs(z)), np.log(errors), 1)[0]
    assert slope == pytest.approx(scheme.order + 1, abs=0.1)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.name)
def test_stages_start_within_the_step(scheme: Scheme) -> None:
    assert scheme.times[0] == 0.0 and len(scheme.times) == len(scheme.rows)
    assert all(0.0 <= time <= 1.0 for time in scheme.times)


def test_limits_are_the_known_ones() -> None:
    limits = {HEUN: (2.0, 0.0), SSPRK3: (2.5127, math.sqrt(3)), RK4: (2.7853, math.sqrt(8))}
    for scheme, (decay, wave) in limits.items():
        assert largest_step(scheme.amplification, 1.0, 0.0) == pytest.approx(decay, rel=1e-4)
        assert largest_step(scheme.amplification, 0.0, 1.0) == pytest.approx(wave, rel=1e-4)
    euler = lambda z: 1 + z  # noqa: E731 (a formula)
    assert largest_step(euler, 4.0, 0.0) == pytest.approx(0.5)
    assert largest_step(euler, 2.0, 1.0) == pytest.approx(1.0)  # upwind: the Courant number is one
    assert largest_step(euler, 1.0, 2.0) == pytest.approx(1 / 8, rel=1e-4)  # central, Péclet number 8
    assert largest_step(euler, 0.0, 1.0) == 0.0 and largest_step(euler, 0.0, 0.0) == math.inf


@pytest.mark.parametrize("stages", [3, 5, 9, 21])
def test_super_steps_are_as_long_as_promised(stages: int) -> None:
    assert largest_step(rkl1(stages).amplification, 2.0, 0.0) >= (stages**2 + stages) / 2 * (1 - 1e-9)
    assert largest_step(rkl2(stages).amplification, 2.0, 0.0) >= (stages**2 + stages - 2) / 4 * (1 - 1e-9)
    assert stages_for(1, (stages**2 + stages) / 2) == stages == stages_for(2, (stages**2 + stages - 2) / 4)


@pytest.mark.parametrize("stages", [2, 202])
def test_stage_counts_out_of_range(stages: int) -> None:
    with pytest.raises(ValueError, match="3 to 201 stages"):
        rkl2(stages)


@pytest.mark.parametrize("scheme", [HEUN, SSPRK3, RK4, BOGACKI_SHAMPINE, rkl1(4), rkl2(5)], ids=lambda s: s.name)
def test_a_mode_is_multiplied_by_the_amplification(scheme: Scheme, heat: Heat) -> None:
    """The march's stages, registers and all, are the scheme: on a mode of the Laplacian, R(λΔt) each step."""
    n, h, dt, steps = 64, 0.1, 0.004, 7
    mode = np.cos(2 * np.pi * 3 * (np.arange(n) + 0.5) / n)
    decay = -4 / h**2 * np.sin(np.pi * 3 / n) ** 2
    run = heat((n,), [(Periodic(), Periodic())], (h,), scheme=scheme)
    factor = scheme.amplification(np.array([decay * dt + 0j]))[0].real ** steps
    np.testing.assert_allclose(run(mode, dt, steps), factor * mode, atol=1e-13)


PLACES: list[dict[str, Any]] = [
    {"depth": 3},
    {"depth": 8, "tile": [3]},
    {"depth": 5, "tile": [1]},
    {"depth": 2, "name": "virtual", "blocks": 3},
    {"depth": 4, "tile": [2, 16]},
    {"depth": 3, "tile": [2, 16], "name": "xla", "devices": 2},
]


@pytest.mark.long
@pytest.mark.parametrize("scheme", [HEUN, RK4, rkl2(5)], ids=lambda s: s.name)
@pytest.mark.parametrize(("shape", "dtype"), [((29, 71), "float32"), ((230,), "float64")])
def test_stages_in_tiles_and_blocks_change_no_bit(
    scheme: Scheme, shape: tuple[int, ...], dtype: str, heat: Heat
) -> None:
    sides = [(Dirichlet(0.5), Neumann(0.3)), (Periodic(), Periodic())][: len(shape)]
    u = np.random.default_rng(3).standard_normal(shape).astype(dtype)
    spacing = (0.1, 0.15)[: len(shape)]
    expected = heat(shape, sides, spacing, scheme=scheme)(u, 1e-3, 9)
    for place in PLACES:
        run = heat(shape, sides, spacing, scheme=scheme, **place)
        np.testing.assert_array_equal(run(u, 1e-3, 9), expected, err_msg=str(place))
