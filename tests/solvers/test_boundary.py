"""Ghost cells beyond a physical edge."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers.block import Block
from solvers.boundary import Boundary, Dirichlet, Neumann, Periodic
from solvers.exchange import LOWER, UPPER, Alone, Exchange
from solvers.grid import Grid
from solvers.wall import Setting, Wall
from solvers.walls import Sides, Walls

KINDS = [Dirichlet(0.0), Dirichlet(2.5), Neumann(0.0), Neumann(-1.5), Periodic()]
SENTINEL = 1e6


class At(Alone):
    """A block that touches the edges told, which may be traced."""

    def __init__(self, lower: Any, upper: Any) -> None:
        self.edges = {LOWER: lower, UPPER: upper}

    def at_edge(self, axis: int, side: int) -> Any:
        return self.edges[side]


def fill(sides: Sides, spacing: tuple[float, ...], width: int, u: jax.Array, block: Block, exchange: Exchange) -> Any:
    """u with the ghosts at its walls filled, on a grid of that spacing."""
    cells = tuple(block.shape)
    grid = Grid(cells, (0.0,) * len(cells), tuple(n * h for n, h in zip(cells, spacing, strict=True)))
    return Walls(sides, grid, width).fill(u, Setting(block, exchange, {}, jnp.float64(0.0)))


def ghosted(shape: tuple[int, ...], ghosts: int) -> np.ndarray:
    values = np.random.default_rng(1).normal(size=shape)
    return np.pad(values, ghosts, constant_values=SENTINEL)


def by_hand(u: np.ndarray, sides: Sides, spacing: tuple[float, ...], width: int, ghosts: int) -> np.ndarray:
    """The same, one ghost layer at a time; where an axis is periodic, the block is its own neighbour."""
    u = u.copy()
    for axis, pair in enumerate(sides):
        if pair == (Periodic(), Periodic()):
            v = np.moveaxis(u, axis, 0)
            n = len(v) - 2 * ghosts
            v[ghosts - width : ghosts], v[ghosts + n :][:width] = v[n:][ghosts - width : ghosts], v[ghosts:][:width]
    for axis, pair in enumerate(sides):
        v = np.moveaxis(u, axis, 0)
        first, last = ghosts, len(v) - ghosts - 1
        for boundary, wall, outwards in ((pair[0], first, -1), (pair[1], last, 1)):
            for j in range(width):
                mirror = v[wall - outwards * j]
                if isinstance(boundary, Dirichlet):
                    v[wall + outwards * (j + 1)] = 2 * boundary.value - mirror
                elif isinstance(boundary, Neumann):
                    v[wall + outwards * (j + 1)] = mirror + (2 * j + 1) * spacing[axis] * boundary.flux
    return u


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_each_kind_on_both_sides(kind: Boundary, width: int) -> None:
    block = Block((5,), 3)
    u = ghosted(block.shape, 3)
    for sides in ([(kind, Dirichlet(1.0))], [(Neumann(0.5), kind)]):
        filled = fill(sides, (0.25,), width, jnp.asarray(u), block, Alone())
        # Each value is at most one multiplication and one sum (to the bit, but for a fused one).
        np.testing.assert_allclose(filled, by_hand(u, sides, (0.25,), width, 3), rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_condition_holds_at_the_wall(dtype: str) -> None:
    """The mean of ghost and mirrored cell is the value; their difference over their distance the gradient."""
    block, h = Block((6,), 3), 0.5
    u = jnp.asarray(ghosted(block.shape, 3), dtype)
    filled = fill([(Dirichlet(3.0), Neumann(2.0))], (h,), 3, u, block, Alone())
    assert filled.dtype == dtype
    u = np.asarray(filled, float)
    distances = np.array([1, 3, 5]) * h
    few = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose((u[2::-1] + u[3:6]) / 2, 3.0, rtol=few)
    np.testing.assert_allclose((u[9:] - u[8:5:-1]) / distances, 2.0, rtol=few * 4)


WALLS_ONLY = [(Dirichlet(2.5), Neumann(-1.5)), (Neumann(0.0), Dirichlet(1.0))]
WITH_A_RING = [(Neumann(-1.5), Dirichlet(2.5)), (Periodic(), Periodic()), (Dirichlet(0.0), Neumann(0.5))]


@pytest.mark.parametrize("sides", [WALLS_ONLY, WITH_A_RING], ids=len)
def test_corners_follow_the_last_axis(sides: Sides) -> None:
    shape, spacing = (4, 5, 3)[: len(sides)], (0.5, 0.3, 0.2)[: len(sides)]
    u = ghosted(shape, 2)
    filled = fill(sides, spacing, 2, jnp.asarray(u), Block(shape, 2), Alone())
    expected = by_hand(u, sides, spacing, 2, 2)
    np.testing.assert_allclose(filled, expected, rtol=1e-15, atol=1e-14)
    if sides is WALLS_ONLY:
        assert np.abs(expected).max() < SENTINEL  # no ghost is forgotten


@pytest.mark.parametrize(("lower", "upper"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("traced", [False, True])
def test_only_the_blocks_at_an_edge_are_touched(lower: bool, upper: bool, traced: bool) -> None:
    block, sides = Block((4,), 2), [(Dirichlet(1.0), Neumann(1.0))]
    u = ghosted(block.shape, 2)

    def filled_at(lower: Any, upper: Any) -> jax.Array:
        return fill(sides, (1.0,), 2, jnp.asarray(u), block, At(lower, upper))

    filled = (jax.jit(filled_at) if traced else filled_at)(lower, upper)
    everything = by_hand(u, sides, (1.0,), 2, 2)
    expected = np.where([lower] * 4 + [upper] * 4, everything, u)
    np.testing.assert_allclose(filled, expected, rtol=1e-15)


@pytest.mark.parametrize("extent", [3, 4, 5])
@pytest.mark.parametrize("width", [1, 2])
def test_the_wall_may_lie_inside_the_array(extent: int, width: int) -> None:
    """In a padded block the upper ghosts follow the last cell that counts."""
    sides, ghosts = [(Neumann(2.0), Dirichlet(4.0))], 2
    u = np.full(5 + 2 * ghosts, SENTINEL)
    u[: extent + 2 * ghosts] = ghosted((extent,), ghosts)

    @jax.jit
    def filled(extent: jax.Array) -> jax.Array:
        return fill(sides, (0.5,), width, jnp.asarray(u), Block((5,), ghosts, (extent,)), At(True, True))

    expected = u.copy()
    expected[: extent + 2 * ghosts] = by_hand(u[: extent + 2 * ghosts], sides, (0.5,), width, ghosts)
    np.testing.assert_allclose(filled(jnp.int32(extent)), expected, rtol=1e-15)


def test_periodic_ghosts_are_not_mirrored() -> None:
    setting = Setting(Block((2,), 1), Alone(), {}, jnp.float64(0.0))
    wall = Wall(jnp.zeros(1), {}, 0, UPPER, 3, 2, None, Grid((2,), (0.0,), (1.0,)), setting)
    with pytest.raises(TypeError, match="opposite edge"):
        Periodic().ghost(wall)
