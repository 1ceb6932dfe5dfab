"""The last axis in strips: what comes of all stages is what comes of them without."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jax import lax

from solvers.strips import Strips

FITTED = st.builds(
    lambda first, cells, wanted, width, stages, apart: (
        Strips.fit(first, cells, wanted, width * stages, apart),
        width,
        stages,
        apart,
    ),
    st.integers(3, 20),
    st.integers(40, 400),
    st.integers(1, 80),
    st.integers(1, 3),
    st.integers(1, 9),
    st.integers(4, 40),
)


@settings(max_examples=60, deadline=None)
@given(FITTED)
def test_strips_cover_the_axis(fitted: tuple[Strips | None, int, int, int]) -> None:
    """Each inside begins with a line of the cache; what two share is enough to be wrong on both sides."""
    strips, width, stages, apart = fitted
    assume(strips is not None)
    assert strips is not None and strips.count > 1
    starts = [int(strips.span(number, inside=True).start) - strips.first for number in range(strips.count)]
    assert starts[0] == 0 and starts[-1] + strips.depth == strips.cells
    assert all((strips.first + start) % 16 == 0 for start in starts[1:-1]) and strips.depth % 16 == 0
    gaps = np.diff(starts)
    assert strips.depth - gaps.max() >= 2 * width * stages and strips.depth - gaps.min() <= strips.overlap
    for number, start in enumerate(starts):
        inside = bool(strips.is_inside(jnp.int32(number)))
        assert inside == (0 < number < strips.count - 1)
        assert number == 0 or start >= apart
        assert number == strips.count - 1 or start + strips.depth <= strips.cells - apart


@pytest.mark.parametrize("stages", [1, 4, 5])
@pytest.mark.parametrize(
    ("cells", "wanted", "width", "apart"),
    [(47, 16, 1, 6), (90, 16, 1, 12), (100, 30, 1, 20), (139, 1, 2, 5), (300, 80, 2, 40), (331, 16, 3, 30)],
)
def test_all_stages_in_strips_are_all_stages(cells: int, wanted: int, width: int, apart: int, stages: int) -> None:
    """Of two arrays in turn; in integers, which have no rounding: what a cell of a strip has wrong would show."""
    strips = Strips.fit(width + 2, cells, wanted, width * stages, apart)
    assert strips is not None
    drawn = np.random.default_rng(cells).integers(0, 1 << 32, (2, 3, 2 * width + 4 + cells), dtype=np.uint32)

    def advanced(start: jax.Array | int, depth: int, state: list[jax.Array]) -> list[jax.Array]:
        """Each cell from its neighbours within `width`, and from what it was a stage before."""
        state = list(state)
        for stage in range(stages):
            now, other = state[stage % 2], state[1 - stage % 2]
            seen = lax.dynamic_slice_in_dim(now, start - width, depth + 2 * width, 1)
            near = sum(jnp.uint32(3 + 2 * i) * seen[:, i : i + depth] for i in range(2 * width + 1))
            new = near + lax.dynamic_slice_in_dim(other, start, depth, 1)
            state[1 - stage % 2] = lax.dynamic_update_slice_in_dim(other, new, start, 1)
        return state

    state = [jnp.asarray(u) for u in drawn]
    found = strips.each(lambda number, state: advanced(strips.span(number, True).start, strips.depth, state), state)
    np.testing.assert_array_equal(found, advanced(strips.first, strips.cells, state))


@pytest.mark.parametrize("cells", [16, 31, 43])
def test_short_axes_are_not_cut(cells: int) -> None:
    assert Strips.fit(4, cells, 16, 8, 12) is None
