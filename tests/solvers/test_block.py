"""A block's geometry, and its strips."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers.block import Block, core
from solvers.window import layers, with_layers

WHOLE = np.arange(5 * 6 * 7.0).reshape(5, 6, 7)


def index(axis: int, start: int, depth: int) -> tuple[slice, ...]:
    return (slice(None),) * axis + (slice(start, start + depth),)


@pytest.mark.parametrize("ghosts", [0, 1, 3])
def test_the_interior_lies_inside_the_ghosts(ghosts: int) -> None:
    block = Block((4, 5), ghosts)
    assert block.ghosted_shape == (4 + 2 * ghosts, 5 + 2 * ghosts)
    marked = np.pad(np.ones(block.shape), ghosts)
    assert marked[block.interior].all() and marked[block.interior].shape == block.shape
    assert (block.ndim, block.extent, block.padded, block.owned()) == (2, (4, 5), False, True)


def test_axes_may_have_more_or_fewer_layers_than_others() -> None:
    block = Block((4, 5), 3, offset=(10, 20), margins=(1, 6))
    assert (block.ghosted_shape, block.origin) == ((6, 17), (9, 14))
    marked = np.pad(np.ones(block.shape), [(1, 1), (6, 6)])
    assert marked[block.interior].all() and core(marked, block.margins).shape == block.shape


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("start", [0, 2, 3])
@pytest.mark.parametrize("traced", [False, True])
def test_layers_are_read_and_written_where_they_lie(axis: int, start: int, traced: bool) -> None:
    u, depth = jnp.asarray(WHOLE), 2
    place = jnp.int32(start) if traced else start
    here = index(axis, start, depth)
    np.testing.assert_array_equal(layers(u, axis, place, depth), WHOLE[here])
    expected = WHOLE.copy()
    expected[here] *= -1
    np.testing.assert_array_equal(with_layers(u, axis, place, -layers(u, axis, place, depth)), expected)


@pytest.mark.parametrize("width", [0, 1, 2])
def test_core_drops_the_outermost_layers(width: int) -> None:
    inside = tuple(slice(width, n - width) for n in WHOLE.shape)
    np.testing.assert_array_equal(core(jnp.asarray(WHOLE), width), WHOLE[inside])


@pytest.mark.parametrize("extent", [(4, 3), (5, 3), (4, 2), (5, 2)])
def test_padding_is_not_owned(extent: tuple[int, int]) -> None:
    """One program serves blocks of several sizes: the extents are arguments of it."""

    @jax.jit
    def owned(*extent: jax.Array) -> jax.Array:
        block = Block((5, 3), 1, extent)
        assert block.padded
        mask = block.owned()
        assert not isinstance(mask, bool)
        return mask

    expected = np.zeros((5, 3), bool)
    expected[: extent[0], : extent[1]] = True
    np.testing.assert_array_equal(owned(*extent), expected)


def test_one_traced_extent_is_enough_to_mask() -> None:
    mask = jax.jit(lambda n: Block((2, 4), 1, (2, n)).owned())(3)
    np.testing.assert_array_equal(mask, [[True, True, True, False]] * 2)
