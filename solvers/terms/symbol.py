"""How a term follows small changes of the fields: bounds of Fourier symbols, cell by cell."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from solvers.terms.shapes import cropped, widest


class Symbol(NamedTuple):
    """Of a wave, coefficients frozen, δterm = S δfield: low ≤ Re S ≤ high, |Im S| ≤ Σ waves.

    float64 scalars, or arrays that broadcast to the term's cells.  `waves` has an entry an axis, each the part that
    comes of odd differences along it.
    """

    low: jax.Array
    high: jax.Array
    waves: tuple[jax.Array, ...]

    @classmethod
    def one(cls, ndim: int) -> Symbol:
        return cls(jnp.float64(1.0), jnp.float64(1.0), (jnp.float64(0.0),) * ndim)

    @classmethod
    def of_weights(cls, weights: np.ndarray) -> Symbol:
        """Σ w_k e^{ikθ}: the even weights give the real part, the odd ones, along one axis each, the imaginary part."""
        mirrored = np.flip(weights)
        even, odd = (weights + mirrored) / 2, (weights - mirrored) / 2
        centre, size = float(even[tuple(n // 2 for n in even.shape)]), float(np.abs(even).sum())
        waves = [0.0] * weights.ndim
        for offset in np.argwhere(odd):
            axis = int(np.argmax(np.abs(offset - weights.shape[0] // 2)))
            waves[axis] += float(abs(odd[tuple(offset)]))
        low = -size if centre <= 0.0 else 2.0 * centre - size
        high = size if centre >= 0.0 else 2.0 * centre + size
        return cls(jnp.float64(low), jnp.float64(high), tuple(map(jnp.float64, waves)))

    @property
    def size(self) -> jax.Array:
        """A bound of |S|."""
        return jnp.maximum(jnp.abs(self.low), jnp.abs(self.high)) + functools.reduce(operator.add, self.waves)

    def __add__(self, other: Symbol) -> Symbol:  # type: ignore[override]
        waves = tuple(a + b for a, b in zip(self.waves, other.waves, strict=True))
        return Symbol(self.low + other.low, self.high + other.high, waves)

    def times(self, factor: jax.Array) -> Symbol:
        """The symbol of a real multiple, cell by cell."""
        ends = factor * self.low, factor * self.high
        return Symbol(jnp.minimum(*ends), jnp.maximum(*ends), tuple(jnp.abs(factor) * w for w in self.waves))

    def after(self, first: Symbol) -> Symbol:
        """The symbol of a constant operator applied to what `first` has done."""
        ends = [a * b for a in (self.low, self.high) for b in (first.low, first.high)]
        mine, its = (jnp.maximum(jnp.abs(s.low), jnp.abs(s.high)) for s in (self, first))
        # i·i is real, of either sign.
        crossed = functools.reduce(operator.add, self.waves) * functools.reduce(operator.add, first.waves)
        waves = tuple(a * its + mine * b for a, b in zip(self.waves, first.waves, strict=True))
        return Symbol(
            functools.reduce(jnp.minimum, ends) - crossed, functools.reduce(jnp.maximum, ends) + crossed, waves
        )

    def around(self, shape: tuple[int, ...], width: int) -> Symbol:
        """The bounds that hold for a cell and its neighbours up to `width` away: arrays of `shape` less 2·width."""
        return Symbol(
            widest(self.low, shape, width, jnp.minimum),
            widest(self.high, shape, width, jnp.maximum),
            tuple(widest(w, shape, width, jnp.maximum) for w in self.waves),
        )

    def cropped(self, layers: int) -> Symbol:
        return Symbol(
            cropped(self.low, layers), cropped(self.high, layers), tuple(cropped(w, layers) for w in self.waves)
        )


class Linearised(NamedTuple):
    """A term's value, and its symbol with respect to each field that it depends on."""

    value: jax.Array
    symbols: Mapping[str, Symbol]


def total(parts: Iterable[Mapping[str, Symbol]]) -> dict[str, Symbol]:
    """The symbols of a sum."""
    found: dict[str, Symbol] = {}
    for symbols in parts:
        for name, symbol in symbols.items():
            found[name] = found[name] + symbol if name in found else symbol
    return found
