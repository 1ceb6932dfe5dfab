"""The adjoint of an exchange of halos: what ghosts have taken comes back to the cells that they are copies of."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers.adjoint.returning import Returning
from solvers.block import Block
from solvers.exchange import Alone
from solvers.halo import exchange_halos


class Ring(Alone):
    """Blocks along the first axis, mapped over by name."""

    def shift(self, strip: jax.Array, axis: int, step: int) -> jax.Array:
        parts = 3
        if axis > 0:
            return strip
        return jax.lax.ppermute(strip, "blocks", [(i, (i + step) % parts) for i in range(parts)])


@pytest.mark.parametrize("ring", [False, True])
def test_the_halos_of_x_times_y_are_x_times_what_comes_back_of_y(ring: bool) -> None:
    """⟨H x, y⟩ = ⟨x, Hᵀ y⟩, over all blocks."""
    block = Block((5, 4), 2)
    x, y = (np.random.default_rng(seed).normal(size=(3, *block.ghosted_shape)) for seed in (1, 2))

    def both(x: Any, y: Any) -> tuple[Any, Any]:
        there, back = jax.vjp(lambda u: exchange_halos(u, block, Returning(Ring() if ring else Alone())), x)
        return there, back(y)[0]

    there, back = jax.vmap(both, axis_name="blocks")(jnp.asarray(x), jnp.asarray(y))
    assert float((there * y).sum()) == pytest.approx(float((x * back).sum()), rel=1e-13)
    # Ghosts are written over: nothing hangs on what they held.
    assert not np.asarray(back)[:, 0].any() and np.asarray(back)[:, 2:-2, 2:-2].all()
