"""Arrays that broadcast to the cells of a patch, or to those that some layers of neighbours leave."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from solvers.operators import neighbour
from solvers.patch import Patch


def cropped(values: jax.Array, layers: int) -> jax.Array:
    """Values without their outermost layers, of those axes that they vary along."""
    if layers == 0:
        return values
    return values[tuple(slice(None) if n == 1 else slice(layers, n - layers) for n in values.shape)]


def full(values: jax.Array, patch: Patch, width: int) -> jax.Array:
    """Values of a term of some width as an array of all its cells."""
    return jnp.broadcast_to(values, tuple(n - 2 * width for n in patch.shape))


def widest(values: jax.Array, shape: tuple[int, ...], width: int, choose: Callable[..., jax.Array]) -> jax.Array:
    """The largest, or whatever `choose` says, of each cell and its neighbours along the axes."""
    if values.ndim == 0:
        return values
    values = jnp.broadcast_to(values, shape)
    near = [neighbour(values, axis, s, width) for axis in range(values.ndim) for s in range(-width, width + 1)]
    return functools.reduce(choose, near)
