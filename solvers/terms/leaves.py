"""Terms that have no parts."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.patch import Patch
from solvers.terms.symbol import Linearised, Symbol
from solvers.terms.term import Term, in_double


class Leaf(Term):
    """A term without neighbours, arithmetic, or, but for a field, anything that changes with the fields."""

    width = 0
    is_product = False
    takes_long = False
    derivatives = 0

    def is_number(self, patch: Patch) -> bool:
        return self.value(patch).ndim == 0

    def linearised(self, patch: Patch) -> Linearised:
        return Linearised(self.value(patch), {})


@dataclass(frozen=True)
class Constant(Leaf):
    """A number."""

    number: float

    def value(self, patch: Patch) -> jax.Array:
        return jnp.asarray(self.number, patch.dtype)


@dataclass(frozen=True)
class Given(Leaf):
    """A field or a coefficient of the patch, by name; of one that itself is made by derivatives, their order."""

    name: str
    derivatives: int = 0

    def value(self, patch: Patch) -> jax.Array:
        return patch.fields[self.name] if self.name in patch.fields else patch.coefficients[self.name]

    def linearised(self, patch: Patch) -> Linearised:
        symbols = {self.name: Symbol.one(patch.grid.ndim)} if self.name in patch.fields else {}
        return Linearised(self.value(patch), symbols)


@dataclass(frozen=True)
class Coordinate(Leaf):
    """Cell centres along an axis; `mirrored`: beyond walls those of the cells there, as coefficients are."""

    axis: int
    mirrored: bool = False

    def value(self, patch: Patch) -> jax.Array:
        return patch.coordinate(self.axis, self.mirrored)


@dataclass(frozen=True)
class Time(Leaf):
    """t."""

    def value(self, patch: Patch) -> jax.Array:
        return patch.time.astype(patch.dtype)


@dataclass(frozen=True)
class InDouble(Leaf):
    """A scalar, such as a function of t, computed in double precision and rounded once: t grows large."""

    scalar: Term

    def value(self, patch: Patch) -> jax.Array:
        return self.scalar.value(in_double(patch)).astype(patch.dtype)
