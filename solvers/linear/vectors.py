"""Distributed vectors: sums and inner products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from solvers.block import Block
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.reductions import exact_sums
from solvers.rounding import Rounding

Operator: TypeAlias = Callable[[Fields], Fields]
"""A linear map of vectors, zero in padding."""


class Solution(NamedTuple):
    """What an iteration ended with; all but x are scalars, the same on all blocks.

    residual: ‖b - A x‖ / ‖b‖ as the iteration has it.  broken: whether it could not go on (a division by zero, a
    number that is not finite, a matrix that is not positive definite).
    """

    x: Fields
    iterations: jax.Array
    residual: jax.Array
    broken: jax.Array


@dataclass(frozen=True)
class Vectors:
    """Vectors hold dtype[block.shape] for each field, without ghosts, zero in padding; `cells` are the grid's."""

    block: Block
    exchange: Exchange
    cells: int
    rounded: Rounding

    def dots(self, *pairs: tuple[Fields, Fields]) -> list[jax.Array]:
        """Σ x·y of each pair, float64, the same to the bit however the grid is cut, for the messages of one."""
        products = [(x[name], y[name]) for x, y in pairs for name in x]
        sums = exact_sums(products, self.cells, self.exchange).reshape(len(pairs), -1)
        totals = sums[:, 0]
        for column in range(1, sums.shape[1]):
            totals = totals + sums[:, column]
        return list(totals)

    def norm(self, x: Fields) -> jax.Array:
        """‖x‖, float64, by `dots`."""
        return jnp.sqrt(self.dots((x, x))[0])

    def plus(self, x: Fields, factor: jax.Array, y: Fields) -> Fields:
        """x + factor · y."""
        return {name: u + self.rounded(factor.astype(u.dtype) * y[name]) for name, u in x.items()}

    def owned(self, x: Fields) -> Fields:
        """x with zeros in padding."""
        return {name: jnp.where(self.block.owned(), u, 0.0) for name, u in x.items()}


def minus(x: Fields, y: Fields) -> Fields:
    """x - y; y has the fields of x at least."""
    return {name: u - y[name] for name, u in x.items()}


def zeros(x: Fields) -> Fields:
    """The zero vector, of the shapes and dtypes of x."""
    return {name: jnp.zeros_like(u) for name, u in x.items()}


def quotient(a: jax.Array, b: jax.Array) -> jax.Array:
    """a / b, and 0 where b is."""
    return jnp.where(b == 0.0, 0.0, a / jnp.where(b == 0.0, 1.0, b))
