"""Equations put together from terms, such as those written in a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.equations.coupling import coupled
from solvers.equations.equation import Diffusion, Equation, Rates
from solvers.fields import Fields
from solvers.operators import Mean
from solvers.patch import Patch
from solvers.terms import Constant, Symbol, Term
from solvers.terms.shapes import cropped, full
from solvers.terms.term import in_double


@dataclass(frozen=True)
class Written(Equation):
    """∂u/∂t = a term of the fields, the coefficients, the place and the time, for each of some fields.

    The width is that of the widest right-hand side: operators within operators add up, ∇²(u³ - ∇²u) reaches two
    cells.  Coefficients are whatever the terms are given.  `mean`: of k at faces, for what solves systems of them.
    """

    right_sides: Mapping[str, Term]
    mean: Mean = "arithmetic"

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.right_sides)

    @property
    def width(self) -> int:
        # A fieldwise ODE has neighbours all the same: the loop exchanges at least one layer.
        return max(1, *(term.width for term in self.right_sides.values()))

    def tendency(self, patch: Patch) -> Fields:
        return {name: self._in_all(term.value(patch), term, patch) for name, term in self.right_sides.items()}

    def change(self, patch: Patch, dt: jax.Array) -> Fields:
        return {name: self._in_all(term.times(patch, dt), term, patch) for name, term in self.right_sides.items()}

    def stiff(self, patch: Patch) -> Fields:
        """The terms with second and higher derivatives; transport and reactions are taken explicitly."""
        terms = {name: term.stiff or Constant(0.0) for name, term in self.right_sides.items()}
        return {name: self._in_all(term.value(patch), term, patch) for name, term in terms.items()}

    def _in_all(self, values: jax.Array, term: Term, patch: Patch) -> jax.Array:
        """A term's values in all cells that the equation's width leaves."""
        return full(cropped(values, self.width - term.width), patch, self.width)

    def diffusion(self, patch: Patch) -> dict[str, Diffusion]:
        """Of those fields that diffuse along all axes, and whose equation has no higher derivatives, which decide."""
        found = {}
        for name, term in self.right_sides.items():
            ks = term.diffusivity(name, patch) if term.derivatives == 2 else {}
            if len(ks) == patch.grid.ndim:
                found[name] = Diffusion(tuple(self._positive(ks[axis], patch) for axis in sorted(ks)), self.mean)
        return found

    @staticmethod
    def _positive(k: jax.Array, patch: Patch) -> jax.Array:
        k = jnp.maximum(k, 0.0)
        return full(k, patch, 0) if k.ndim else k

    def rates(self, patch: Patch) -> Rates:
        """The right sides linearised about the fields as they are, coefficients frozen, by bounds of the symbols.

        Forward, term by term: ∇² has the symbol [-4 Σ 1/h², 0] and ∂/∂x i [-1/h, 1/h]; a cell by cell function
        multiplies by its derivative in the cell, an operator by its own symbol after the worst of the cells around
        it.  Exact for a heat equation; a bound in general, but not a proof for nonlinear equations.
        """
        patch = in_double(patch)
        symbols: dict[str, dict[str, Symbol]] = {}
        for name, term in self.right_sides.items():
            found = term.linearised(patch).symbols
            symbols[name] = {of: symbol.cropped(self.width - term.width) for of, symbol in found.items()}
        return coupled([[_of(symbols[a].get(b), patch) for b in self.fields] for a in self.fields], patch.grid.spacing)


def _of(symbol: Symbol | None, patch: Patch) -> Symbol:
    nothing = jnp.float64(0.0)
    return Symbol(nothing, nothing, (nothing,) * patch.grid.ndim) if symbol is None else symbol
