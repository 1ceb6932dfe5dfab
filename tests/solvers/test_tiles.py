"""Which cells tiles write, stage by stage."""

from __future__ import annotations

import jax.numpy as jnp
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.tiles import Needed, Tiles
from solvers.window import Span

WHOLE = Needed(0, 64)
"""A second axis, which is not cut."""
NEEDED = st.tuples(st.integers(0, 5), st.integers(40, 120), st.booleans(), st.booleans())


@settings(max_examples=60, deadline=None)
@given(NEEDED, st.integers(4, 39), st.integers(1, 3), st.integers(1, 9))
def test_every_cell_that_is_needed_is_written_once_a_stage(
    needed: tuple[int, int, bool, bool], size: int, width: int, stages: int
) -> None:
    """And no other one; each window lies among them, and leans on what the one before it has left."""
    first, extent, *fewer = needed
    lower, upper = (width * one for one in fewer)
    if extent <= stages * (lower + upper):
        return
    tiles = Tiles.fit([Needed(first, extent, lower, upper), WHOLE], [extent, 64], [size], width, stages)
    if tiles.whole:
        return
    through = [-1] * (first + extent + width)
    for number in range(int(tiles.count(0, stages))):
        inside = bool(tiles.is_inside([number, 0], stages))
        for stage in range(stages):
            span, whole = tiles.window([number, 0], jnp.int32(stage)).spans
            assert whole is None and span is not None and span.wanted is not None
            low, high = (int(bound) for bound in span.wanted)
            if inside:
                # All of its cells are wanted, and none of them next to a wall.
                assert (low, high - low) == (int(span.start), span.depth)
                assert first + width < low and high < first + extent
                assert tiles.window([number, 0], jnp.int32(stage), inside).spans[0] == Span(low, span.depth)
            if low >= high:
                continue
            assert first <= int(span.start) <= low and high <= int(span.start) + span.depth <= first + extent
            begin, end = first + stage * lower, first + extent - stage * upper
            for cell in range(low, high):
                assert begin <= cell < end and through[cell] == stage - 1
                # Of two arrays in turn this stage reads the one that neighbours are in, if they went through any.
                near = range(max(begin - lower, cell - width), min(end + upper, cell + width + 1))
                assert all(through[other] in (stage - 1, stage) for other in near)
                through[cell] = stage
    last = slice(first + (stages - 1) * lower, first + extent - (stages - 1) * upper)
    assert set(through[last]) == {stages - 1}


@settings(max_examples=60, deadline=None)
@given(NEEDED, st.integers(4, 39), st.integers(1, 3), st.integers(1, 9), st.integers(0, 4))
def test_a_tile_writes_within_its_place(
    needed: tuple[int, int, bool, bool], size: int, width: int, stages: int, ghosts: int
) -> None:
    """In every stage, at the ends of an axis too; and around the place there is what its cells depend on."""
    first, extent, *fewer = needed
    lower, upper = (width * one for one in fewer)
    first += width
    if extent <= stages * (lower + upper):
        return
    tiles = Tiles.fit([Needed(first, extent, lower, upper), WHOLE], [extent, 64], [size], width, stages)
    if tiles.whole:
        return
    cells = first + extent + width + ghosts
    for number in range(int(tiles.count(0, stages))):
        place, whole = tiles.place([number, 0], stages, (cells, 64)).spans
        assert whole is None
        begin, end = (width, cells - width) if place is None else (int(place.start), int(place.start) + place.depth)
        assert width <= begin and end <= cells - width
        for stage in range(stages):
            span = tiles.window([number, 0], jnp.int32(stage)).spans[0]
            assert span is not None and begin <= int(span.start) and int(span.start) + span.depth <= end


def test_tiles_fill_an_axis() -> None:
    """512 cells, and 15 that 16 stages lean over, are 17 tiles of 31, and not of 32 with the last one half empty."""
    tiles = Tiles.fit([Needed(16, 512), WHOLE], [512, 64], [32], 1, 16)
    assert tiles.sizes == (31, 0) and tiles.count(0, 16) == 17
    # A neighbour's cells are fewer with every stage, just as the tile leans.
    assert Tiles.fit([Needed(1, 527, 0, 1), WHOLE], [512, 64], [32], 1, 16).count(0, 16) == 17
