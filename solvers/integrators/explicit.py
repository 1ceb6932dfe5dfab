"""A scheme applied to an equation: a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

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
_REGISTERS = ("start", "before", "total", "first")


class _Weights(NamedTuple):
    """A scheme's row, by column, and whether it is the first."""

    of: dict[str, jax.Array]
    begins: jax.Array


@dataclass(frozen=True)
class Explicit:
    """u(t + Δt) by the stages of an explicit scheme, each local within the equation's width.

    The present stage's state lies in the fields, so that walls are filled for it as for any other; what a scheme
    remembers lies in registers, "u:start" and the like, and no more of them than it uses.
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
        return tuple(f"{field}:{kind}" for field in self.equation.fields for kind in self._remembered)

    @property
    def _remembered(self) -> tuple[str, ...]:
        return tuple(kind for kind in _REGISTERS if self.scheme.uses(kind))

    def stable_step(self, decay: float, wave: float) -> float:
        return largest_step(self.scheme.amplification, decay, wave)

    def __call__(self, patch: Patch, stage: int | jax.Array, dt: jax.Array) -> Fields:
        rates = self.equation.tendency(patch)
        weights = self._weights(stage)
        found: Fields = {}
        for name in self.equation.fields:
            found |= self._next(name, patch, weights, patch.rounded(dt.astype(rates[name].dtype) * rates[name]))
        return found

    def _next(self, name: str, patch: Patch, weights: _Weights, change: jax.Array) -> Fields:
        """The next state of one field, and its registers; `change` is Δt f(u)."""
        now = core(patch.fields[name], self.width)
        held = {kind: core(patch.fields[f"{name}:{kind}"], self.width) for kind in self._remembered}
        begins = weights.begins
        if "start" in held:
            held["start"] = jnp.where(begins, now, held["start"])
        if "first" in held:
            held["first"] = jnp.where(begins, change, held["first"])
        if "total" in held:
            held["total"] = jnp.where(begins, 0.0, held["total"])
        terms = {"now": now, **held, "rate": change}
        weighted = [patch.rounded(weights.of[kind].astype(now.dtype) * term) for kind, term in terms.items()]
        result = weighted[0]
        for term in weighted[1:]:
            result = result + term
        if "total" in held:
            held["total"] = held["total"] + patch.rounded(weights.of["adds"].astype(now.dtype) * change)
        if "before" in held:
            held["before"] = now
        return {name: result, **{f"{name}:{kind}": value for kind, value in held.items()}}

    def _weights(self, stage: int | jax.Array) -> _Weights:
        columns = {column: [getattr(row, column) for row in self.scheme.rows] for column in Row._fields}
        of = {column: jnp.asarray(values)[stage] for column, values in columns.items()}
        # Left to itself XLA looks each of them up anew for every cell.
        return lax.optimization_barrier(_Weights(of, jnp.asarray(stage == 0)))
