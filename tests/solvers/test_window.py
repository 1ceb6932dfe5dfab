"""Windows of which only some cells are wanted."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.window import Span, Window

N = 20
SPAN = st.tuples(st.integers(1, 8), st.integers(1, 12), st.integers(-2, N + 2), st.integers(-2, N + 2), st.booleans())


@jax.jit
def once_more(u: jax.Array, starts: jax.Array, wanted: jax.Array, window: Window) -> jax.Array:
    """u with one more in the wanted cells."""
    spans = [
        span and span._replace(start=start, wanted=(ends[0], ends[1]))
        for span, start, ends in zip(window.spans, starts, wanted, strict=True)
    ]
    return Window(tuple(spans)).box_by_box(lambda w, u: w.written(u, w.of(u) + 1), u)


jax.tree_util.register_static(Window)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), SPAN), min_size=1, max_size=3).filter(any))
def test_each_wanted_cell_is_updated_once(given_spans: list[tuple[int, int, int, int, bool] | None]) -> None:
    """And no other one, be it all of the window, by layers along one axis or several, or with a mask."""
    u = jnp.zeros([N] * len(given_spans), jnp.int32)
    expected = np.zeros(u.shape, np.int32)
    inside, spans = [], []
    for span in given_spans:
        start, depth, first, until, in_layers = span or (0, N, 0, N, False)
        inside.append(slice(max(first, start, 0), max(min(until, start + depth), 0)))
        spans.append(Span(0, depth, (0, 0), in_layers) if span else None)
    expected[tuple(inside)] = 1
    starts = jnp.array([span[0] if span else 0 for span in given_spans])
    wanted = jnp.array([span[2:4] if span else (0, N) for span in given_spans])
    np.testing.assert_array_equal(once_more(u, starts, wanted, Window(tuple(spans))), expected)
