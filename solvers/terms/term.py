"""A term of a right-hand side."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

import jax
import jax.numpy as jnp

from solvers.patch import Patch
from solvers.terms.symbol import Linearised


class Term(ABC):
    """A function of the fields, the coefficients, the place and the time, local within `width` cells.

    All arithmetic is in the fields' dtype, and what is added is rounded first where the compiler could choose: a
    value does not depend, to the bit, on the array that it is computed in.
    """

    @property
    @abstractmethod
    def width(self) -> int:
        """Ghost layers that the value consumes."""

    @property
    @abstractmethod
    def is_product(self) -> bool:
        """Whether the last operation may be a product, which a compiler would contract with an addition."""

    @property
    @abstractmethod
    def takes_long(self) -> bool:
        """Whether to compute it anew for each neighbour that looks at it takes longer than to keep it."""

    @property
    @abstractmethod
    def derivatives(self) -> int:
        """The order of the highest derivative in it."""

    @property
    def stiff(self) -> Term | None:
        """What of it has second or higher derivatives, such as the diffusion in a sum; None where nothing has."""
        return self if self.derivatives >= 2 else None

    @abstractmethod
    def value(self, patch: Patch) -> jax.Array:
        """dtype[m - 2·width, …], or what broadcasts to that: a scalar, or layers of one axis."""

    def is_number(self, patch: Patch) -> bool:
        """Whether its value is one for all cells."""
        return False

    def takes_numbers(self, patch: Patch) -> bool:
        """Whether each cell is multiplied by a number in any case, which may as well be the product of several."""
        return False

    def times(self, patch: Patch, number: jax.Array) -> jax.Array:
        """The value multiplied by a number in float64, safe to be added to something."""
        return patch.rounded(number.astype(patch.dtype) * self.value(patch))

    def diffusivity(self, field: str, patch: Patch) -> dict[int, jax.Array]:
        """By axis, k of the part of this term that is ∂/∂x (k ∂u/∂x), u being `field`; an axis without one is left out.

        k: a scalar, or one value for each cell of the patch; coefficients and factors are frozen.
        """
        return {}

    @abstractmethod
    def linearised(self, patch: Patch) -> Linearised:
        """The value and how it follows small changes of the fields; of a patch in double precision."""


def seen(term: Term, patch: Patch) -> jax.Array:
    """A term's value, safe to be added to something, of which neighbours will look at each cell's."""
    value = rounded(term, patch)
    return patch.held(value) if term.takes_long else value


def rounded(term: Term, patch: Patch) -> jax.Array:
    """A term's value, safe to be added to something."""
    value = term.value(patch)
    return patch.rounded(value) if term.is_product else value


def slope(term: Term, field: str, patch: Patch) -> jax.Array | None:
    """∂term/∂u in each cell, of a term of one cell; None where u is not in it."""
    symbol = term.linearised(in_double(patch)).symbols.get(field)
    return None if symbol is None else symbol.low.astype(patch.dtype)


def in_double(patch: Patch) -> Patch:
    """The same cells in double precision."""
    fields, coefficients = (
        {name: u.astype(jnp.float64) for name, u in values.items()} for values in (patch.fields, patch.coefficients)
    )
    return replace(patch, fields=fields, coefficients=coefficients)
