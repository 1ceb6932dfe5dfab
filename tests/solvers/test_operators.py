"""Differential operators as weights."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from solvers.operators import laplacian, mean_of
from solvers.rounding import Rounding
from solvers.stencil import Form, Stencil

ROUNDED = Rounding(jnp.float64(-0.0))
SPACINGS = [(0.5,), (0.5, 2.0), (0.25, 0.5, 2.0)]


@pytest.mark.parametrize("spacing", SPACINGS, ids=len)
@pytest.mark.parametrize("form", ["slices", "conv"])
def test_the_laplacian_is_exact_on_quadratics(spacing: tuple[float, ...], form: Form) -> None:
    """∇²(x·A x + b·x + c) = 2 tr A.  All numbers are small multiples of powers of two: not even rounding."""
    ndim = len(spacing)
    a = np.array([[3, -2, 1], [4, -5, 2], [0, 6, 7]])[:ndim, :ndim]
    axes = [h * np.arange(-3, 5) for h in spacing]
    x = np.stack(np.meshgrid(*axes, indexing="ij"))
    u = np.einsum("i...,ij,j...", x, a, x) + np.einsum("i,i...", np.array([1, -2, 3])[:ndim], x) + 5
    result = Stencil(laplacian(spacing), form)(jnp.asarray(u), ROUNDED)
    np.testing.assert_array_equal(result, np.full((6,) * ndim, 2.0 * np.trace(a)))


@pytest.mark.parametrize("spacing", SPACINGS, ids=len)
def test_a_quartic_shows_the_second_order_error(spacing: tuple[float, ...]) -> None:
    """Σ xᵢ⁴ at the origin: the Laplacian is zero there, the stencil's Σ 2 hᵢ²."""
    axes = [h * np.arange(-1, 2) for h in spacing]
    u = (np.stack(np.meshgrid(*axes, indexing="ij")) ** 4).sum(axis=0)
    result = Stencil(laplacian(spacing), "slices")(jnp.asarray(u), ROUNDED)
    assert result.item() == sum(2 * h**2 for h in spacing)


@pytest.mark.parametrize("spacing", SPACINGS, ids=len)
def test_the_weights_are_a_star_of_three_points_an_axis(spacing: tuple[float, ...]) -> None:
    weights = laplacian(spacing)
    assert weights.shape == (3,) * len(spacing) and weights.dtype == np.float64
    assert np.count_nonzero(weights) == 2 * len(spacing) + 1 and weights.sum() == 0.0


@pytest.mark.parametrize("size", [1e-37, 1e-20, 1.0, 1e20, 1e37])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_harmonic_mean_needs_no_more_room_than_its_numbers(size: float, dtype: str) -> None:
    """Permeabilities in m² have squares that float32 does not; either side first gives the same bits."""
    a, b = jnp.asarray([1.0, 3.0, 0.0, 2.0], dtype), jnp.asarray([3.0, 3.0, 0.0, 0.0], dtype)
    rounded = Rounding.by(jnp.float64(0.0))
    found = np.asarray(mean_of(a * size, b * size, "harmonic", rounded), "float64")
    np.testing.assert_allclose(found / size, [1.5, 3.0, 0.0, 0.0], rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(found, np.asarray(mean_of(b * size, a * size, "harmonic", rounded), "float64"))
