"""Krylov methods against dense linear algebra."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers.block import Block
from solvers.exchange import Alone
from solvers.fields import Fields
from solvers.linear.bicgstab import bicgstab
from solvers.linear.conjugate_gradients import asymmetry, conjugate_gradients
from solvers.linear.noise import noise
from solvers.linear.vectors import Vectors
from solvers.rounding import Rounding

N = 24
VECTORS = Vectors(Block((N,), 1), Alone(), N, Rounding(jnp.float64(-0.0)))


def matrix(symmetric: bool) -> np.ndarray:
    random = np.random.default_rng(3).standard_normal((N, N))
    return random @ random.T + N * np.eye(N) if symmetric else random + 2 * N * np.eye(N)


def applied(a: np.ndarray) -> Callable[[Fields], Fields]:
    return lambda x: {"u": jnp.asarray(a) @ x["u"]}


def same(x: Fields) -> Fields:
    return x


@pytest.mark.parametrize("method", [conjugate_gradients, bicgstab])
def test_the_solution_is_that_of_a_dense_solver(method: Callable) -> None:
    a, b = matrix(method is conjugate_gradients), np.random.default_rng(4).standard_normal(N)
    diagonal = {"u": 1.0 / np.diag(a)}
    for precondition in (same, lambda r: {"u": diagonal["u"] * r["u"]}):
        found = method(applied(a), {"u": jnp.asarray(b)}, precondition, VECTORS, jnp.float64(1e-12), 100)
        assert not found.broken and 1 < found.iterations < 60 and found.residual <= 1e-12
        np.testing.assert_allclose(found.x["u"], np.linalg.solve(a, b), rtol=1e-9)


@pytest.mark.parametrize("method", [conjugate_gradients, bicgstab])
def test_it_says_when_it_gives_up(method: Callable) -> None:
    b = {"u": jnp.ones(N)}
    found = method(applied(matrix(True)), {"u": jnp.arange(N) * 1.0}, same, VECTORS, jnp.float64(1e-14), 2)
    assert found.iterations == 2 and found.residual > 1e-14
    broken = method(applied(np.full((N, N), np.nan)), b, same, VECTORS, jnp.float64(1e-8), 50)
    assert broken.broken and broken.iterations == 1
    nothing = method(applied(matrix(True)), {"u": jnp.zeros(N)}, same, VECTORS, jnp.float64(1e-8), 50)
    assert nothing.iterations == 0 and nothing.residual == 0.0 and not nothing.broken


@pytest.mark.parametrize("method", [conjugate_gradients, bicgstab])
def test_a_preconditioner_is_compiled_once(method: Callable) -> None:
    """Multigrids are most of a program, and take longest to compile."""
    traced = []

    def precondition(r: Fields) -> Fields:
        traced.append(r)
        return r

    jax.jit(lambda b: method(applied(matrix(True)), {"u": b}, precondition, VECTORS, jnp.float64(1e-8), 50).x)(
        jnp.ones(N)
    )
    assert len(traced) == 1


def test_an_indefinite_matrix_breaks_conjugate_gradients() -> None:
    found = conjugate_gradients(applied(-matrix(True)), {"u": jnp.ones(N)}, same, VECTORS, jnp.float64(1e-8), 50)
    assert found.broken


def test_asymmetry_is_rounding_or_not() -> None:
    block, like = Block((N,), 1), {"u": jnp.zeros(N)}
    x, y = noise(like, block, (N,), 1), noise(like, block, (N,), 2)
    assert asymmetry(applied(matrix(True)), x, y, VECTORS) < 1e-14
    assert asymmetry(applied(matrix(False)), x, y, VECTORS) > 1e-3


def test_noise_does_not_know_how_the_grid_is_cut() -> None:
    whole = noise({"u": jnp.zeros((6, 9)), "v": jnp.zeros((6, 9))}, Block((6, 9), 1), (6, 9), 5)
    part = noise({"u": jnp.zeros((2, 4)), "v": jnp.zeros((2, 4))}, Block((2, 4), 1, offset=(3, 5)), (6, 9), 5)
    for name, u in part.items():
        np.testing.assert_array_equal(u, whole[name][3:5, 5:9])
    numbers = np.concatenate([np.ravel(u) for u in whole.values()])
    assert len(set(numbers)) == numbers.size and np.abs(numbers).max() <= 0.5 and abs(numbers.mean()) < 0.1
