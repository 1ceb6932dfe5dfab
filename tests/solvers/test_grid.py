"""The grid: spacing, centres, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvers.grid import Grid


def test_a_grid_knows_its_sizes() -> None:
    grid = Grid((4, 10), (-1.0, 0.0), (1.0, 20.0))
    assert (grid.ndim, grid.cells, grid.spacing, grid.cell_volume) == (2, 40, (0.5, 2.0), 1.0)


def test_centres_lie_half_a_cell_inside() -> None:
    assert Grid((4,), (-1.0,), (1.0,)).centres(0).tolist() == [-0.75, -0.25, 0.25, 0.75]


@given(cells=st.integers(1, 500), lower=st.floats(-1e3, 1e3), length=st.floats(1e-3, 1e3), data=st.data())
def test_centres_of_a_part_have_the_bits_of_the_whole(
    cells: int, lower: float, length: float, data: st.DataObject
) -> None:
    grid = Grid((3, cells), (0.0, lower), (1.0, lower + length))
    start = data.draw(st.integers(0, cells))
    stop = data.draw(st.integers(start, cells))
    everything = grid.centres(1)
    assert everything.dtype == np.float64 and everything.shape == (cells,)
    np.testing.assert_array_equal(grid.centres(1, start, stop), everything[start:stop])
    # Mirrored about the middle of the box, to a few roundings of the largest coordinate.
    middle = grid.lower[1] + grid.upper[1]
    assert np.abs(everything + everything[::-1] - middle).max() <= 8 * np.spacing(abs(lower) + length)


@pytest.mark.parametrize(
    ("shape", "lower", "upper"),
    [
        ((), (), ()),
        ((1, 1, 1, 1), (0.0,) * 4, (1.0,) * 4),
        ((4, 4), (0.0,), (1.0,)),
        ((4,), (0.0,), (1.0, 1.0)),
        ((0,), (0.0,), (1.0,)),
        ((-3,), (0.0,), (1.0,)),
        ((4,), (1.0,), (1.0,)),
        ((4,), (1.0,), (0.0,)),
        ((4,), (0.0,), (math.inf,)),
        ((4,), (-math.inf,), (math.inf,)),
        ((4,), (math.nan,), (1.0,)),
        ((4,), (-1.7e308,), (1.7e308,)),
    ],
)
def test_nonsense_is_refused(shape: tuple[int, ...], lower: tuple[float, ...], upper: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="grid has 1 to 3 axes|axis needs cells"):
        Grid(shape, lower, upper)
