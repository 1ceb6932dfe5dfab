"""Terms that look at neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.operators import Mean, divergence_of_flux, neighbour
from solvers.patch import Patch
from solvers.stencil import Stencil
from solvers.terms.shapes import cropped, full, widest
from solvers.terms.symbol import Linearised, Symbol, total
from solvers.terms.term import Term, rounded


@dataclass(frozen=True)
class Difference(Term):
    """A constant linear operator, such as ∇² or ∂/∂x, of a term; `alone`, if no other one is of the same cells."""

    stencil: Stencil
    of: Term
    alone: bool = False

    is_product = True

    @property
    def width(self) -> int:
        return self.stencil.width + self.of.width

    def value(self, patch: Patch) -> jax.Array:
        values = full(rounded(self.of, patch), patch, self.of.width)
        return self.stencil(values, None if self.alone else patch.rounded)

    def linearised(self, patch: Patch) -> Linearised:
        operator, part = Symbol.of_weights(self.stencil.weights), self.of.linearised(patch)
        values = full(part.value, patch, self.of.width)
        symbols = {
            name: operator.after(symbol.around(values.shape, self.stencil.width))
            for name, symbol in part.symbols.items()
        }
        return Linearised(self.stencil(values), symbols)


@dataclass(frozen=True)
class DivergenceOfFlux(Term):
    """∇·(k∇u), with the mean of k at the faces; conservative."""

    k: Term
    u: Term
    mean: Mean

    # A sum of rounded products, but in one dimension.
    is_product = True

    @property
    def width(self) -> int:
        return 1 + self._inner

    @property
    def _inner(self) -> int:
        return max(self.k.width, self.u.width)

    def value(self, patch: Patch) -> jax.Array:
        k, u = (self._aligned(rounded(term, patch), term, patch) for term in self._parts)
        return divergence_of_flux(k, u, patch.grid.spacing, self.mean, patch.rounded)

    def _aligned(self, values: jax.Array, term: Term, patch: Patch) -> jax.Array:
        return full(cropped(values, self._inner - term.width), patch, self._inner)

    @property
    def _parts(self) -> tuple[Term, Term]:
        return self.k, self.u

    def linearised(self, patch: Patch) -> Linearised:
        """∇·(k∇δu) + ∇·(δk∇u), the first frozen at the largest |k| around, the second by its rows' absolute sums.

        Of (k_i + k_{i+1})(u_{i+1} - u_i) / 2 h² and its like the derivatives by k are differences of u: those next to
        a cell add up to at most |k'| (|u_{i+1} - u_i| + |u_i - u_{i-1}|) / h² an axis (Gershgorin).
        """
        parts = [term.linearised(patch) for term in self._parts]
        k, u = (self._aligned(part.value, term, patch) for part, term in zip(parts, self._parts, strict=True))
        by_k, by_u = (
            {name: symbol.cropped(self._inner - term.width) for name, symbol in part.symbols.items()}
            for part, term in zip(parts, self._parts, strict=True)
        )
        spacing, zero = patch.grid.spacing, jnp.float64(0.0)
        stiffest = widest(jnp.abs(k), k.shape, 1, jnp.maximum)
        edges = 4.0 * stiffest * sum(1.0 / h**2 for h in spacing)
        diffusion = Symbol(-edges, zero, (zero,) * len(spacing))
        here = neighbour(u, 0, 0)
        steps = sum(
            (jnp.abs(neighbour(u, axis, 1) - here) + jnp.abs(here - neighbour(u, axis, -1))) / h**2
            for axis, h in enumerate(spacing)
        )
        nearby = {name: symbol.around(k.shape, 1) for name, symbol in by_k.items()}
        turned = {
            name: Symbol(-steps * symbol.size, steps * symbol.size, (zero,) * len(spacing))
            for name, symbol in nearby.items()
        }
        symbols = {name: diffusion.after(symbol.around(u.shape, 1)) for name, symbol in by_u.items()}
        value = divergence_of_flux(k, u, spacing, self.mean, patch.rounded)
        return Linearised(value, total((symbols, turned)))
