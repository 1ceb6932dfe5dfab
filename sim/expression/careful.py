"""JAX's arithmetic as formulas use it inside a run: the same bits whatever the compiler makes of it."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from solvers.rounding import Rounding

# Exact, or rounded once by IEEE 754, and no product: nothing that a compiler could contract with a sum.
_PLAIN = frozenset({"asarray", "iscomplexobj", "add", "subtract", "negative", "absolute", "abs", "where"})


class Careful:
    """jax.numpy for `Formula.evaluate`, each result but those of sums passed through `rounded`."""

    def __init__(self, rounded: Rounding) -> None:
        self._rounded = rounded

    def divide(self, a: Any, b: Any) -> Any:
        return self._rounded.ratio(jnp.asarray(a), jnp.asarray(b))

    def __getattr__(self, name: str) -> Any:
        function = getattr(jnp, name)
        if name in _PLAIN or not callable(function):
            return function

        def rounded(*args: Any) -> Any:
            result = function(*args)
            return self._rounded(result) if jnp.issubdtype(result.dtype, jnp.floating) else result

        return rounded
