"""Numbers of whole blocks, taken slab upon slab."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers import measures
from solvers.block import Block
from solvers.measures import count_nonfinite, magnitudes


class Alone:
    """The exchange of the one block that there is."""

    def sum(self, x: jax.Array) -> jax.Array:
        return x

    def max(self, x: jax.Array) -> jax.Array:
        return x


@pytest.fixture(autouse=True, scope="module")
def _thin_slabs() -> object:
    """Slabs of few cells, so that small blocks have many, and such that they do not divide."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "_CELLS", 30)
        yield


@pytest.mark.long
@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.integers(1, 60),
    st.sampled_from(["float32", "float64"]),
    st.randoms(use_true_random=False),
)
def test_each_cell_counts_once(across: list[int], layers: int, dtype: str, random: object) -> None:
    """Ghosts and padding don't, whatever they hold."""
    shape = (layers, *across[1:])
    padding = random.choice([0, 1]) if layers > 1 else 0  # type: ignore[attr-defined]
    extent = (jnp.int32(layers - padding), *shape[1:]) if padding else ()
    block = Block(shape, 2, extent)
    numbers = np.random.default_rng(random.getrandbits(32))  # type: ignore[attr-defined]
    u = np.full(block.ghosted_shape, np.nan, dtype)
    inside = (slice(2, 2 + layers - padding), *block.interior[1:])
    cells = numbers.normal(size=u[inside].shape).astype(dtype)
    u[inside] = cells
    exchange = Alone()
    assert magnitudes([jnp.asarray(u)], block, exchange)[0] == np.abs(cells).max()  # type: ignore[arg-type]
    assert count_nonfinite(jnp.asarray(u), block, exchange) == 0  # type: ignore[arg-type]
    broken = numbers.random(cells.shape) < 0.2
    u[inside] = np.where(broken, numbers.choice([np.nan, np.inf, -np.inf], cells.shape), cells)
    assert count_nonfinite(jnp.asarray(u), block, exchange) == broken.sum()  # type: ignore[arg-type]
    assert np.isfinite(magnitudes([jnp.asarray(u)], block, exchange)[0]) == (not broken.any())  # type: ignore[arg-type]
