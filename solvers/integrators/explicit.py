"""A scheme applied to an equation: a step."""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import core
from solvers.equations.equation import Equation
from solvers.fields import Fields
from solvers.integrators.scheme import Row, Scheme
from solvers.integrators.stability import largest_step
from solvers.patch import Patch

# What a column of a scheme multiplies, besides the present fields and their rates: a register of each field.
_REGISTERS = ("start", "first")


@dataclass(frozen=True)
class Explicit:
    """u(t + Δt) by the stages of an explicit scheme, each local within the equation's width.

    The present stage's state lies in the fields, so that walls are filled for it as for any other; the step's first
    state and its change lie in registers, "u:start" and "u:first", where the scheme uses them.
    """

    equation: Equation
    scheme: Scheme

    @property
    def width(self) -> int:
        return self.equation.width

    @property
    def times(self) -> tuple[float, ...]:
        return self.scheme.times

    @property
    def registers(self) -> tuple[str, ...]:
        return tuple(f"{field}:{kind}" for field in self.equation.fields for kind in self._kept)

    @property
    def looks_back(self) -> bool:
        return self.scheme.uses("before")

    @property
    def _kept(self) -> tuple[str, ...]:
        return tuple(kind for kind in _REGISTERS if self.scheme.uses(kind))

    def stable_step(self, decay: float, wave: float) -> float:
        return largest_step(self.scheme.amplification, decay, wave)

    def begin(self, patch: Patch, dt: jax.Array) -> Fields:
        found: Fields = {}
        if "start" in self._kept:
            found |= {f"{name}:start": core(patch.fields[name], self.width) for name in self.equation.fields}
        if "first" in self._kept:
            found |= {f"{name}:first": change for name, change in self.equation.change(patch, dt).items()}
        return found

    def __call__(self, patch: Patch, stage: int | jax.Array, dt: jax.Array) -> Fields:
        changes, weights = self.equation.change(patch, dt), self._weights(stage)
        return {name: self._next(name, patch, weights, change) for name, change in changes.items()}

    def _next(self, name: str, patch: Patch, weights: dict[str, jax.Array], change: jax.Array) -> jax.Array:
        terms = {"now": core(patch.fields[name], self.width), "rate": change}
        for kind in (*self._kept, *(("before",) if self.looks_back else ())):
            terms[kind] = core(patch.fields[f"{name}:{kind}"], self.width)
        weighted = [patch.rounded(weights[kind].astype(term.dtype) * term) for kind, term in terms.items()]
        return functools.reduce(operator.add, weighted)

    def _weights(self, stage: int | jax.Array) -> dict[str, jax.Array]:
        """The scheme's row, by column."""
        columns = {column: [getattr(row, column) for row in self.scheme.rows] for column in Row._fields}
        of = {column: jnp.asarray(values)[stage] for column, values in columns.items()}
        # Left to itself XLA looks each of them up anew for every cell.
        return lax.optimization_barrier(of)
