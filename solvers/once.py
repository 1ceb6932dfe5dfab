"""What is done under a condition, in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import lax

State = TypeVar("State")


def once(wanted: jax.Array | bool, function: Callable[[State], State], state: State) -> State:
    """function(state) where it is wanted, the state as it is where not.

    A loop of one turn or none: XLA runs it in place, and not always a conditional.
    """

    def turn(i: jax.Array, state: State) -> State:
        # Tied to i: of what does not depend on it, XLA would do all it can before the loop, wanted or not.
        state, _ = lax.optimization_barrier((state, i))
        return function(state)

    return lax.fori_loop(0, jnp.asarray(wanted, jnp.int32), turn, state)
