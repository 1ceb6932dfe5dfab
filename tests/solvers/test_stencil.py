"""The stencil in both of its forms."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers.operators import laplacian
from solvers.rounding import Rounding
from solvers.stencil import FEWEST_POINTS_AS_CONV, Form, Stencil, best_form

FORMS: list[Form] = ["slices", "conv"]
ROUNDED = Rounding(jnp.float64(-0.0))
SHAPES = {1: (23,), 2: (12, 15), 3: (8, 9, 7)}


def random_weights(ndim: int, width: int, star: bool) -> np.ndarray:
    """No symmetry, no two alike; a star has its points on the axes only."""
    weights = np.random.default_rng(10 * ndim + width).normal(size=(2 * width + 1,) * ndim)
    if star:
        off_centre = np.count_nonzero(np.indices(weights.shape) != width, axis=0)
        weights[off_centre > 1] = 0.0
    return weights


def by_loops(weights: np.ndarray, u: np.ndarray) -> np.ndarray:
    """(S u)_i = Σ_k weights[k] u[i + k], spelled out in float64."""
    width = weights.shape[0] // 2
    out = np.zeros([n - 2 * width for n in u.shape])
    for i in np.ndindex(out.shape):
        for k in np.ndindex(weights.shape):
            out[i] += weights[k] * u[tuple(a + b for a, b in zip(i, k, strict=True))]
    return out


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("star", [False, True], ids=["dense", "star"])
@pytest.mark.parametrize(("ndim", "width"), [(1, 1), (1, 3), (2, 1), (2, 2), (3, 1), (3, 2)])
def test_both_forms_are_the_sum_over_the_neighbours(ndim: int, width: int, star: bool, dtype: str) -> None:
    weights = random_weights(ndim, width, star)
    u = np.random.default_rng(0).normal(size=SHAPES[ndim]).astype(dtype)
    expected = by_loops(weights, u)
    # Each of p products is rounded once (and its weight once), and so is each of p sums.
    roundings = (weights.size + 2) * np.finfo(dtype).eps
    tolerance = roundings * by_loops(np.abs(weights), np.abs(u)).max()
    for form in FORMS:
        result = Stencil(weights, form)(jnp.asarray(u), ROUNDED)
        assert result.dtype == dtype
        np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_a_single_weight_shifts(form: Form, ndim: int) -> None:
    """Orientation: weights[k] goes with the neighbour at +(k - w), on every axis by itself."""
    u = np.random.default_rng(0).normal(size=SHAPES[ndim])
    for at in itertools.product(range(3), repeat=ndim):
        weights = np.zeros((3,) * ndim)
        weights[at] = 1.0
        shifted = u[tuple(slice(k, n - 2 + k) for k, n in zip(at, u.shape, strict=True))]
        np.testing.assert_array_equal(Stencil(weights, form)(jnp.asarray(u), ROUNDED), shifted)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("dense", [False, True], ids=["laplacian", "dense"])
def test_slices_keep_a_mirror_symmetry_to_the_bit(ndim: int, dense: bool) -> None:
    """With mirrored weights, the stencil of a mirrored field is the mirrored stencil of the field."""
    weights = laplacian((0.5,) * ndim)
    if dense:
        distance = np.abs(np.indices(weights.shape) - 1).sum(axis=0)
        weights = np.array([-3.0, 0.7, 0.31, 0.13])[distance]
    stencil = jax.jit(Stencil(weights, "slices"))
    # Rows of whole vectors: in the odd cells at a row's end XLA may fuse another multiplication with the sum.
    u = np.random.default_rng(0).normal(size=(8, 9, 18)[-ndim:])
    plain = np.asarray(stencil(u, ROUNDED))
    for axis in range(ndim):
        mirrored = np.asarray(stencil(np.flip(u, axis), ROUNDED))
        np.testing.assert_array_equal(np.flip(mirrored, axis), plain)


@pytest.mark.parametrize("form", FORMS)
def test_trivial_stencils(form: Form) -> None:
    u = jnp.asarray(np.random.default_rng(0).normal(size=(6, 5)))
    np.testing.assert_array_equal(Stencil(np.full((1, 1), 2.0), form)(u, ROUNDED), 2 * u)
    np.testing.assert_array_equal(Stencil(np.zeros((3, 3)), form)(u, ROUNDED), np.zeros((4, 3)))


@pytest.mark.parametrize("shape", [(), (2,), (2, 2), (4, 4, 4), (3, 5), (3, 3, 1), (0,)])
def test_weights_are_an_odd_cube(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="odd cube"):
        Stencil(np.zeros(shape), "slices")


def test_width_and_points() -> None:
    stencil = Stencil(laplacian((1.0, 1.0)), "slices")
    assert (stencil.width, stencil.points) == (1, 5)
    assert Stencil(np.ones((5, 5)), "conv").width == 2


def test_the_form_follows_from_the_weights() -> None:
    """A convolution pays for many points that fill their box."""
    star = np.zeros((11, 11, 11))
    star[5, 5, :] = star[5, :, 5] = star[:, 5, 5] = 1.0
    assert np.count_nonzero(star) > FEWEST_POINTS_AS_CONV and best_form(star) == "slices"
    assert best_form(np.ones((3, 3, 3))) == "conv"
    assert best_form(np.ones((5, 5))) == "slices"
