"""Terms that look at neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.fluxes import FluxForm
from solvers.patch import Patch
from solvers.stencil import Stencil
from solvers.terms.leaves import Given
from solvers.terms.shapes import cropped, full, widest
from solvers.terms.symbol import Linearised, Symbol, total
from solvers.terms.term import Term, seen, slope


@dataclass(frozen=True)
class Difference(Term):
    """A constant linear operator, such as ∇² or ∂/∂x, of a term."""

    stencil: Stencil
    of: Term

    is_product = True

    @property
    def derivatives(self) -> int:
        return (2 if self.stencil.symmetric else 1) + self.of.derivatives

    @property
    def takes_long(self) -> bool:
        return self.stencil.takes_long or self.of.takes_long

    @property
    def width(self) -> int:
        return self.stencil.width + self.of.width

    def value(self, patch: Patch) -> jax.Array:
        return self.stencil(self._values(patch), patch.rounded)

    def takes_numbers(self, patch: Patch) -> bool:
        return True

    def times(self, patch: Patch, number: jax.Array) -> jax.Array:
        return patch.rounded(self.stencil(self._values(patch), patch.rounded, number))

    def _values(self, patch: Patch) -> jax.Array:
        return full(seen(self.of, patch), patch, self.of.width)

    def diffusivity(self, field: str, patch: Patch) -> dict[int, jax.Array]:
        """The stencil's second moments, half of them: 1 along each axis of ∇²."""
        moments = self.stencil.moments(patch.grid.spacing)
        if self.of.width > 0 or not self.stencil.symmetric or (change := slope(self.of, field, patch)) is None:
            return {}
        return {axis: jnp.asarray(m, patch.dtype) * change for axis, m in enumerate(moments) if m != 0.0}

    def linearised(self, patch: Patch) -> Linearised:
        operator, part = Symbol.of_weights(self.stencil.weights), self.of.linearised(patch)
        values = full(part.value, patch, self.of.width)
        symbols = {
            name: operator.after(symbol.around(values.shape, self.stencil.width))
            for name, symbol in part.symbols.items()
        }
        return Linearised(self.stencil(values, patch.rounded), symbols)


@dataclass(frozen=True)
class DivergenceOfFlux(Term):
    """∇·(k∇u); conservative."""

    k: Term
    u: Term
    form: FluxForm

    # A sum of rounded products, but in one dimension.
    is_product = True
    takes_long = True

    @property
    def width(self) -> int:
        return self.form.width + self._inner

    @property
    def derivatives(self) -> int:
        return max(1 + self.k.derivatives, 2 + self.u.derivatives)

    @property
    def _inner(self) -> int:
        return max(self.k.width, self.u.width)

    def value(self, patch: Patch) -> jax.Array:
        return self._divergence(patch, 1.0)

    def takes_numbers(self, patch: Patch) -> bool:
        return True

    def times(self, patch: Patch, number: jax.Array) -> jax.Array:
        return self._divergence(patch, number)

    def _divergence(self, patch: Patch, times: jax.Array | float) -> jax.Array:
        k, u = (self._aligned(seen(term, patch), term, patch) for term in self._parts)
        of = self.k.name if isinstance(self.k, Given) and self.k.name in patch.coefficients else ""
        return self.form.divergence(k, u, patch, self._inner, of, times)

    def _aligned(self, values: jax.Array, term: Term, patch: Patch) -> jax.Array:
        return full(cropped(values, self._inner - term.width), patch, self._inner)

    def diffusivity(self, field: str, patch: Patch) -> dict[int, jax.Array]:
        if self._inner > 0 or (change := slope(self.u, field, patch)) is None:
            return {}
        return dict.fromkeys(range(patch.grid.ndim), self.k.value(patch) * change)

    @property
    def _parts(self) -> tuple[Term, Term]:
        return self.k, self.u

    def linearised(self, patch: Patch) -> Linearised:
        """∇·(k∇δu) + ∇·(δk∇u), the first frozen at the largest |k| around, the second by its rows' absolute sums.

        So much the eigenvalues of the second may be, of either sign (Gershgorin).
        """
        parts = [term.linearised(patch) for term in self._parts]
        k, u = (self._aligned(part.value, term, patch) for part, term in zip(parts, self._parts, strict=True))
        by_k, by_u = (
            {name: symbol.cropped(self._inner - term.width) for name, symbol in part.symbols.items()}
            for part, term in zip(parts, self._parts, strict=True)
        )
        spacing, width, zero = patch.grid.spacing, self.form.width, jnp.float64(0.0)
        still = (zero,) * len(spacing)
        stiffest = widest(jnp.abs(k), k.shape, width, jnp.maximum)
        diffusion = Symbol(-self.form.stiffness(spacing) * stiffest, zero, still)
        turning = self.form.turning(u, spacing, patch.rounded)
        nearby = {name: symbol.around(k.shape, width) for name, symbol in by_k.items()}
        turned = {name: Symbol(-turning * s.size, turning * s.size, still) for name, s in nearby.items()}
        symbols = {name: diffusion.after(symbol.around(u.shape, width)) for name, symbol in by_u.items()}
        return Linearised(self.form.divergence(k, u, patch, self._inner), total((symbols, turned)))
