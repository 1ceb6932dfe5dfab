"""The exact propagator, against modes known exactly."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers.block import Block
from solvers.boundary import Boundary, Dirichlet, Neumann, Periodic
from solvers.equations import Heat
from solvers.exchange import Alone
from solvers.grid import Grid
from solvers.implicit.march import ImplicitMarch
from solvers.implicit.newton import Newton
from solvers.implicit.spectral import Spectral, _basis, has_modes
from solvers.operators import laplacian
from solvers.rounds import Clock
from solvers.stencil import Stencil
from solvers.walls import Walls

KINDS: list[tuple[Boundary, Boundary]] = [
    (Dirichlet(), Dirichlet()),
    (Neumann(), Neumann()),
    (Dirichlet(), Neumann()),
    (Neumann(), Dirichlet()),
    (Periodic(), Periodic()),
]


@pytest.mark.parametrize("n", [1, 2, 7, 8])
@pytest.mark.parametrize("sides", KINDS, ids=str)
def test_the_modes_are_orthogonal_at_the_centres_of_cells(sides: tuple[Boundary, Boundary], n: int) -> None:
    _, basis = _basis(n, *sides)
    products = basis @ basis.T
    sizes = np.sqrt(np.diag(products))
    assert (sizes > 0.5).all()
    np.testing.assert_allclose(products / np.outer(sizes, sizes), np.eye(n), atol=1e-13)


def test_a_mode_decays_as_it_does_exactly_and_a_source_feeds_it() -> None:
    shape, alpha, end = (10, 9), 0.3, 0.2
    grid = Grid(shape, (0.0, 0.0), (2.0, 1.0))
    y, x = (grid.centres(axis) for axis in (0, 1))
    mode = np.sin(3 * np.pi * y / 2)[:, None] * np.cos(np.pi * x)[None, :]
    rate = alpha * ((3 * np.pi / 2) ** 2 + np.pi**2)
    walls = {"u": Walls([KINDS[0], KINDS[1]], grid, 1)}
    heat = Heat(Stencil(laplacian(grid.spacing), "slices"))
    march = ImplicitMarch(Spectral(), heat, walls, grid, Newton("cg", True, 1e-8, 1, 1))
    program = jax.jit(lambda *arguments: march.even(Block(shape, 1), Alone(), *arguments))
    coefficients = {"alpha": jnp.float64(alpha), "source": jnp.pad(jnp.asarray(5.0 * mode), 1)}
    for steps in (1, 3):
        buffers = march.buffers({"u": jnp.pad(jnp.asarray(2.0 * mode), 1)})
        clock = Clock(jnp.float64(0.0), jnp.int64(0), jnp.float64(end / steps))
        buffers, _ = program(buffers, coefficients, clock, jnp.int64(steps))
        decayed = np.exp(-rate * end)
        exact = (2.0 * decayed + 5.0 / rate * (1 - decayed)) * mode
        np.testing.assert_allclose(buffers.now["u"][1:-1, 1:-1], exact, atol=1e-14)


def test_which_walls_have_modes() -> None:
    grid = Grid((4,), (0.0,), (1.0,))
    assert all(has_modes(Walls([sides], grid, 1)) for sides in KINDS)
    assert not has_modes(Walls([(Dirichlet(1.0), Neumann())], grid, 1))
    assert not has_modes(Walls([(Dirichlet(), Neumann(2.0))], grid, 1))
