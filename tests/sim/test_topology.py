"""The process grid: properties that hold for every grid and every number of blocks."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sim.errors import SimError
from sim.topology import Topology, axis_names, box_shape, choose_topology, halo_cells, process_grids, split


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    shape = draw(st.lists(st.integers(1, 11), min_size=1, max_size=3))
    return Topology(tuple(shape), tuple(draw(st.integers(1, min(n, 5))) for n in shape))


@given(st.integers(1, 500), st.integers(1, 60))
def test_a_split_covers_in_order_with_sizes_that_differ_by_one_at_most(cells: int, parts: int) -> None:
    pieces = [split(cells, parts, i) for i in range(parts)]
    assert pieces[0][0] == 0 and pieces[-1][1] == cells
    assert all(before[1] == after[0] for before, after in itertools.pairwise(pieces))
    sizes = {stop - start for start, stop in pieces}
    assert max(sizes) - min(sizes) <= 1


@given(topologies())
def test_boxes_tile_the_grid_exactly(topology: Topology) -> None:
    covered = np.zeros(topology.shape, int)
    for rank in range(topology.count):
        covered[topology.box(rank)] += 1
    assert (covered == 1).all()


@given(topologies())
def test_shapes_of_blocks(topology: Topology) -> None:
    shapes = np.array([box_shape(topology.box(rank)) for rank in range(topology.count)])
    assert tuple(shapes.max(axis=0)) == topology.largest
    assert tuple(shapes.min(axis=0)) == topology.smallest
    assert (shapes.max(axis=0) - shapes.min(axis=0) <= 1).all()


@given(topologies())
def test_ranks_are_numbered_like_a_c_array(topology: Topology) -> None:
    for rank, coordinates in enumerate(np.ndindex(topology.blocks)):
        assert topology.coordinates(rank) == coordinates
        assert topology.rank(coordinates) == rank


@given(topologies(), st.sampled_from([-1, 1]))
def test_neighbours_are_rings(topology: Topology, step: int) -> None:
    for rank, axis in itertools.product(range(topology.count), range(len(topology.shape))):
        ring = [rank]
        while (following := topology.neighbour(ring[-1], axis, step)) != rank:
            ring.append(following)
            assert len(ring) <= topology.count
        assert len(ring) == topology.blocks[axis]
        expected = (topology.coordinates(rank)[axis] + step) % topology.blocks[axis]
        assert topology.coordinates(topology.neighbour(rank, axis, step))[axis] == expected
        assert topology.neighbour(topology.neighbour(rank, axis, step), axis, -step) == rank


@given(topologies())
def test_neighbours_meet(topology: Topology) -> None:
    for rank, axis in itertools.product(range(topology.count), range(len(topology.shape))):
        mine, other = topology.box(rank), topology.box(topology.neighbour(rank, axis, 1))
        assert other[axis].start == mine[axis].stop % topology.shape[axis]
        rest = [a for a in range(len(mine)) if a != axis]
        assert [mine[a] for a in rest] == [other[a] for a in rest]


@given(st.integers(1, 96), st.integers(1, 3))
def test_process_grids_are_all_factorisations(count: int, ndim: int) -> None:
    found = list(process_grids(count, ndim))
    divisors = [d for d in range(1, count + 1) if count % d == 0]
    brute = [grid for grid in itertools.product(divisors, repeat=ndim) if math.prod(grid) == count]
    assert sorted(found) == sorted(brute)


def cut_surface(topology: Topology) -> int:
    """Cells that one-deep strips of all blocks hold, one strip a block and cut axis, counted one by one."""
    total = 0
    for rank in range(topology.count):
        shape = box_shape(topology.box(rank))
        total += sum(math.prod(shape) // shape[a] for a, parts in enumerate(topology.blocks) if parts > 1)
    return total


@given(topologies())
def test_halo_cells_counts_the_strips(topology: Topology) -> None:
    assert halo_cells(topology.shape, topology.blocks) == cut_surface(topology)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=3), st.integers(1, 24), st.integers(1, 3))
def test_the_chosen_grid_moves_the_fewest_cells(shape: list[int], count: int, ghosts: int) -> None:
    brute = [
        cut_surface(t)
        for t in (Topology(tuple(shape), blocks) for blocks in process_grids(count, len(shape)))
        if min(n // parts for n, parts in zip(shape, t.blocks, strict=True)) >= ghosts
    ]
    if not brute:
        with pytest.raises(SimError, match=f"{count} blocks"):
            choose_topology(shape, count, ghosts)
        return
    chosen = choose_topology(shape, count, ghosts)
    assert chosen.count == count and min(chosen.smallest) >= ghosts
    assert cut_surface(chosen) == min(brute)


@pytest.mark.parametrize(
    ("shape", "count", "expected"),
    [
        ((64, 64), 2, (2, 1)),  # of two equal cuts the one that keeps rows whole
        ((64, 64), 16, (4, 4)),
        ((16, 1024), 4, (1, 4)),
        ((1024, 16), 4, (4, 1)),
        ((100,), 7, (7,)),
        ((64, 64, 64), 64, (4, 4, 4)),
        ((64, 64, 64), 2, (2, 1, 1)),
    ],
)
def test_chosen_grids(shape: tuple[int, ...], count: int, expected: tuple[int, ...]) -> None:
    assert choose_topology(shape, count, 1).blocks == expected


@given(topologies(), st.integers(1, 2))
def test_a_wanted_grid_is_taken_as_it_is(topology: Topology, ghosts: int) -> None:
    assume(min(topology.smallest) >= ghosts)
    assert choose_topology(topology.shape, topology.count, ghosts, topology.blocks) == topology


@pytest.mark.parametrize(
    ("wanted", "count", "ghosts", "words"),
    [
        ((2, 2), 3, 1, ["y=2, x=2", "4 blocks", "3 ranks", "product is 3"]),
        ((1, 8), 8, 2, ["along x", "12 cells", "ghost depth 2"]),
        ((11, 1), 11, 1, ["along y", "10 cells"]),
    ],
)
def test_a_wanted_grid_that_does_not_fit(wanted: tuple[int, ...], count: int, ghosts: int, words: list[str]) -> None:
    with pytest.raises(SimError) as caught:
        choose_topology((10, 12), count, ghosts, wanted)
    assert all(word in str(caught.value) for word in words), caught.value


def test_a_grid_too_small_says_what_there_is() -> None:
    with pytest.raises(SimError, match="3 × 4 cells can't be cut into 13 blocks"):
        choose_topology((3, 4), 13, 1)
    with pytest.raises(SimError, match=r"at least 9 cells .* a smaller parallel\.ghost_depth"):
        choose_topology((3, 4), 1, 9)


@pytest.mark.parametrize(("ndim", "names"), [(1, ("x",)), (2, ("y", "x")), (3, ("z", "y", "x"))])
def test_x_is_the_fastest_axis(ndim: int, names: tuple[str, ...]) -> None:
    assert axis_names(ndim) == names
