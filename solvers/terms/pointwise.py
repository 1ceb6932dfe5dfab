"""Terms of terms, cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp

from solvers.derivative import derivative
from solvers.patch import Patch
from solvers.rounding import Rounding
from solvers.terms.shapes import cropped
from solvers.terms.symbol import Linearised, Symbol, total
from solvers.terms.term import Term, in_double, rounded


@dataclass(frozen=True)
class Pointwise(Term):
    """function(rounded, *args): a cell's value from its arguments' values in the same cell; differentiable by JAX.

    `adds`: whether the function may add something to its arguments, as a remainder does.  `is_long`: whether it takes
    more than a few operations, as a logarithm does.  `linear`: numbers of the arguments that it is proportional to.
    """

    function: Callable[..., jax.Array]
    args: tuple[Term, ...]
    adds: bool = False
    is_long: bool = False
    linear: tuple[int, ...] = ()

    is_product = True

    @property
    def width(self) -> int:
        return max(arg.width for arg in self.args)

    @property
    def takes_long(self) -> bool:
        return self.is_long or any(arg.takes_long for arg in self.args)

    @property
    def derivatives(self) -> int:
        return max(arg.derivatives for arg in self.args)

    @property
    def stiff(self) -> Term | None:
        """With the stiff part of the argument that has one, if it is proportional to that; else all of it."""
        parts = [arg.stiff for arg in self.args]
        found = [i for i, part in enumerate(parts) if part is not None]
        if len(found) != 1 or found[0] not in self.linear:
            return super().stiff
        args = (arg if part is None else part for arg, part in zip(self.args, parts, strict=True))
        return replace(self, args=tuple(args))

    def value(self, patch: Patch) -> jax.Array:
        values = (rounded(arg, patch) if self.adds else arg.value(patch) for arg in self.args)
        margins = (self.width - arg.width for arg in self.args)
        return self.function(patch.rounded, *map(cropped, values, margins))

    def is_number(self, patch: Patch) -> bool:
        return all(arg.is_number(patch) for arg in self.args)

    def takes_numbers(self, patch: Patch) -> bool:
        return self._multiplied(patch) is not None

    def times(self, patch: Patch, number: jax.Array) -> jax.Array:
        if (i := self._multiplied(patch)) is None:
            return super().times(patch, number)
        double = in_double(patch)
        values = [number if j == i else arg.value(double) for j, arg in enumerate(self.args)]
        return self.args[i].times(patch, self.function(patch.rounded, *values))

    def _multiplied(self, patch: Patch) -> int | None:
        """Which argument it is that the others, all numbers, multiply, if there is one; by number."""
        several = [i for i, arg in enumerate(self.args) if not arg.is_number(patch)]
        return several[0] if len(several) == 1 and several[0] in self.linear else None

    def diffusivity(self, field: str, patch: Patch) -> dict[int, jax.Array]:
        """That of the argument that it is proportional to, if the others are of one cell."""
        parts = [arg.diffusivity(field, patch) for arg in self.args]
        found = [i for i, part in enumerate(parts) if part]
        if len(found) != 1 or found[0] not in self.linear:
            return {}
        (i,) = found
        if any(arg.width > 0 for arg in (*self.args[:i], *self.args[i + 1 :])):
            return {}
        before, after = ([arg.value(patch) for arg in args] for args in (self.args[:i], self.args[i + 1 :]))
        return {axis: self.function(patch.rounded, *before, k, *after) for axis, k in parts[i].items()}

    def linearised(self, patch: Patch) -> Linearised:
        """δf = Σ ∂f/∂aᵢ δaᵢ; where a derivative is not finite, as that of √u at 0, it is left out."""
        parts = [arg.linearised(patch) for arg in self.args]
        margins = [self.width - arg.width for arg in self.args]
        values = [cropped(part.value, margin) for part, margin in zip(parts, margins, strict=True)]
        found: list[dict[str, Symbol]] = []
        for i, (part, margin) in enumerate(zip(parts, margins, strict=True)):
            if part.symbols and jnp.issubdtype(values[i].dtype, jnp.floating):
                slope = self._slope(patch.rounded, values, i)
                if slope is not None:
                    found.append({name: s.cropped(margin).times(slope) for name, s in part.symbols.items()})
        return Linearised(self.function(patch.rounded, *values), total(found))

    def _slope(self, rounded: Rounding, values: Sequence[jax.Array], i: int) -> jax.Array | None:
        def along(x: jax.Array) -> jax.Array:
            return self.function(rounded, *values[:i], x, *values[i + 1 :])

        slope: jax.Array = derivative(along, values[i], jnp.ones_like(values[i]), rounded)
        if not jnp.issubdtype(slope.dtype, jnp.floating):
            return None
        return jnp.where(jnp.isfinite(slope), slope, 0.0)


@dataclass(frozen=True)
class Sum(Term):
    """Σ ±term, from left to right.  Products among them are rounded."""

    terms: tuple[Term, ...]
    signs: tuple[int, ...]

    is_product = False

    @classmethod
    def of(cls, left: Term, right: Term, sign: int) -> Sum:
        """left ± right, one sum where the left one is a sum already."""
        if isinstance(left, Sum):
            return cls((*left.terms, right), (*left.signs, sign))
        return cls((left, right), (1, sign))

    @property
    def width(self) -> int:
        return max(term.width for term in self.terms)

    @property
    def takes_long(self) -> bool:
        return any(term.takes_long for term in self.terms)

    @property
    def derivatives(self) -> int:
        return max(term.derivatives for term in self.terms)

    @property
    def stiff(self) -> Term | None:
        parts = [(term.stiff, sign) for term, sign in zip(self.terms, self.signs, strict=True)]
        found = [(part, sign) for part, sign in parts if part is not None]
        return Sum(*zip(*found, strict=True)) if found else None

    def value(self, patch: Patch) -> jax.Array:
        return self._added([rounded(term, patch) for term in self.terms])

    def takes_numbers(self, patch: Patch) -> bool:
        return sum(not term.takes_numbers(patch) for term in self.terms) <= 1

    def times(self, patch: Patch, number: jax.Array) -> jax.Array:
        """Of each term, unless that would be more products than that of the sum."""
        if not self.takes_numbers(patch):
            return super().times(patch, number)
        return self._added([term.times(patch, number) for term in self.terms])

    def _added(self, values: Sequence[jax.Array]) -> jax.Array:
        """Values of the terms, safe to be added."""
        result: jax.Array | None = None
        for term, sign, value in zip(self.terms, self.signs, values, strict=True):
            inner = cropped(value, self.width - term.width)
            if result is None:
                result = inner if sign > 0 else -inner
            else:
                result = result + inner if sign > 0 else result - inner
        assert result is not None
        return result

    def diffusivity(self, field: str, patch: Patch) -> dict[int, jax.Array]:
        found: dict[int, jax.Array] = {}
        for term, sign in zip(self.terms, self.signs, strict=True):
            for axis, k in term.diffusivity(field, patch).items():
                signed = k if sign > 0 else -k
                found[axis] = found[axis] + signed if axis in found else signed
        return found

    def linearised(self, patch: Patch) -> Linearised:
        parts = [term.linearised(patch) for term in self.terms]
        found = [
            {name: s.cropped(self.width - term.width).times(jnp.float64(sign)) for name, s in part.symbols.items()}
            for part, term, sign in zip(parts, self.terms, self.signs, strict=True)
        ]
        return Linearised(self.value(patch), total(found))
