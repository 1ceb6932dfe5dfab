"""Parts of the grid, and a block's share of them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.hyperslab import Hyperslab, hyperslab_of
from sim.topology import Topology, process_grids
from solvers.grid import Grid

GRID = Grid((4, 10), (0.0, -1.0), (2.0, 4.0))  # y: 0.25, 0.75, …; x: -0.75, -0.25, …


def cut(grid: Grid = GRID, **tables: dict[str, Any]) -> Hyperslab:
    return hyperslab_of(grid, **{**{key: {} for key in ("stride", "box", "at", "index")}, **tables})


@pytest.mark.parametrize(
    ("tables", "y", "x"),
    [
        ({}, range(4), range(10)),
        ({"stride": {"x": 3}}, range(4), range(0, 10, 3)),
        ({"stride": {"x": 99, "y": 2}}, range(0, 4, 2), range(0, 10, 99)),
        ({"box": {"x": (-0.25, 1.0)}}, range(4), range(1, 4)),
        ({"box": {"x": (-0.26, 1.26)}}, range(4), range(1, 5)),
        ({"box": {"x": (-1e300, 1e300)}}, range(4), range(10)),
        ({"box": {"y": (0.5, 1.0)}, "stride": {"x": 4}}, range(1, 2), range(0, 10, 4)),
        ({"at": {"x": -1.0}}, range(4), range(1)),
        ({"at": {"x": 4.0}}, range(4), range(9, 10)),
        ({"at": {"x": 0.2}, "index": {"y": 3}}, range(3, 4), range(2, 3)),
    ],
)
def test_a_table_names_cells(tables: dict[str, Any], y: range, x: range) -> None:
    assert cut(**tables).cells == (y, x)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"stride": {"z": 2}}, "cuts an axis z; the grid has y, x"),
        ({"box": {"x": (0.0, 0.1)}}, "keeps no cell along x, which has 10 in"),
        ({"box": {"x": (2.0, 1.0)}}, "keeps no cell along x"),
        ({"box": {"x": (5.0, 1e300)}}, "keeps no cell along x"),
        ({"at": {"y": 2.1}}, "keeps no cell along y"),
        ({"index": {"y": 4}}, "keeps no cell along y"),
        ({"at": {"y": 1.0}, "box": {"y": (0.0, 1.0)}}, "cuts the axis y twice"),
    ],
)
def test_a_table_that_names_none_is_refused(tables: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        cut(**tables)


AXIS = st.integers(1, 12).flatmap(
    lambda n: st.tuples(st.just(n), st.integers(0, n - 1), st.integers(1, 5)).flatmap(
        lambda t: st.tuples(st.just(t[0]), st.just(t[1]), st.integers(t[1] + 1, t[0]), st.just(t[2]))
    )
)


@given(st.lists(AXIS, min_size=1, max_size=3), st.integers(1, 6))
def test_the_blocks_shares_make_the_whole(axes: list[Any], count: int) -> None:
    """However the grid is cut, each kept cell comes once, from its owner."""
    shape = tuple(n for n, *_ in axes)
    slab = Hyperslab(tuple(range(start, stop, step) for _, start, stop, step in axes))
    values = np.arange(np.prod(shape)).reshape(shape)
    expected = values[tuple(slice(c.start, c.stop, c.step) for c in slab.cells)]
    for grid in process_grids(count, len(shape)):
        topology = Topology(shape, grid)
        if min(topology.smallest) < 1:
            continue
        found = np.full(slab.shape, -1)
        for rank in range(count):
            box = topology.box(rank)
            place, cells = slab.part(box)
            share = values[box][cells]
            assert share.shape == tuple(s.stop - s.start for s in place) or share.size == 0
            assert (found[place] == -1).all()
            found[place] = share
        np.testing.assert_array_equal(found, expected)


def test_a_hyperslab_needs_no_memory() -> None:
    slab = Hyperslab((range(0, 2**40, 3),))
    assert slab.count == len(range(0, 2**40, 3))
    starts = [slab.part((slice(a, b),))[0][0] for a, b in itertools.pairwise((0, 1, 2**39, 2**40))]
    assert starts[0] == slice(0, 1) and starts[1].start == 1 and starts[2].stop == slab.count
