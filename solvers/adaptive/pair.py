"""One try of a step by a pair of schemes, the tendency at its beginning being known."""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp

from solvers.block import Block
from solvers.equations import Equation
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.integrators import Explicit
from solvers.march import March
from solvers.measures import magnitudes
from solvers.patch import Patch
from solvers.rounding import Rounding
from solvers.rounds import Buffers, Clock


@dataclass(frozen=True)
class Pair:
    """The stages of an explicit scheme with an error, first same as last, on one block.

    Buffers hold beside the fields u⁰ in "u:start" and f(u⁰) in "u:first".
    """

    march: March
    block: Block
    exchange: Exchange
    coefficients: Fields

    def begun(self, buffers: Buffers, time: jax.Array) -> Buffers:
        """With f(u) of the fields as they are."""
        names = tuple(buffers.spare)
        fields, rates = self._rated(Buffers({name: buffers.now[name] for name in names}, buffers.spare), time)
        firsts = {f"{name}:first": self._inside(buffers.now[f"{name}:first"], rates[name]) for name in names}
        return Buffers({**buffers.now, **fields, **firsts}, rates)

    def tried(self, buffers: Buffers, time: jax.Array, dt: jax.Array, end: jax.Array) -> Buffers:
        """The fields after the step, and in the spare memory their tendency at its end."""
        now, names = buffers.now, tuple(buffers.spare)
        firsts = {f"{name}:first": now[f"{name}:first"] for name in names}
        starts = {f"{name}:start": self._inside(now[f"{name}:start"], now[name]) for name in names}
        fields = {
            name: self._inside(now[name], self._first_stage(starts[f"{name}:start"], firsts[f"{name}:first"], dt))
            for name in names
        }
        later = replace(self.march, begun=True)
        stages, clock = jnp.int64(self.march.stages - 1), Clock(time, jnp.int64(1), dt)
        begun = Buffers({**fields, **starts}, buffers.spare)
        now, spare = later.even(self.block, self.exchange, begun, self.coefficients, clock, stages)[0]
        fields, rates = self._rated(Buffers({name: now[name] for name in names}, spare), end)
        return Buffers({**now, **fields, **firsts}, rates)

    def error(self, tried: Buffers, name: str, dt: jax.Array) -> jax.Array:
        """max|E| over the whole grid, float64."""
        row, rounded = self._step.scheme.error, Rounding.by(dt)
        assert row is not None

        def difference(now: jax.Array, start: jax.Array, first: jax.Array, rate: jax.Array) -> jax.Array:
            weights = (row.now, row.start, row.first * dt, row.rate * dt)
            terms = zip(weights, (now, start, first, rate), strict=True)
            return functools.reduce(operator.add, (rounded(jnp.asarray(w, u.dtype) * u) for w, u in terms))

        of_now = (tried.now[f"{name}{kind}"] for kind in ("", ":start", ":first"))
        return magnitudes([(*of_now, tried.spare[name])], self.block, self.exchange, difference)[0]

    @property
    def _step(self) -> Explicit:
        assert isinstance(self.march.step, Explicit)
        return self.march.step

    def _first_stage(self, u: jax.Array, rate: jax.Array, dt: jax.Array) -> jax.Array:
        row, rounded = self._step.scheme.rows[0], Rounding.by(dt)
        change = rounded(dt.astype(u.dtype) * rate)
        return rounded(jnp.asarray(row.now, u.dtype) * u) + rounded(jnp.asarray(row.rate, u.dtype) * change)

    def _rated(self, buffers: Buffers, time: jax.Array) -> tuple[Fields, Fields]:
        """The fields as they are, and f of them in the spare memory."""
        clock = Clock(time, jnp.int64(0), jnp.zeros_like(time))
        march = replace(self.march, step=_Tendency(self._step.equation))
        rates, fields = march.single(self.block, self.exchange, buffers, self.coefficients, clock)[0]
        return fields, rates

    def _inside(self, u: jax.Array, values: jax.Array) -> jax.Array:
        """u with these values in its interior."""
        return u.at[self.block.interior].set(values[self.block.interior])


@dataclass(frozen=True)
class _Tendency:
    """f(u) in the place of the next fields: a `solvers.integrators.Step` as far as the loop knows."""

    equation: Equation

    times = (0.0,)
    registers = ()
    looks_back = False

    @property
    def width(self) -> int:
        return self.equation.width

    def stable_step(self, decay: float, wave: float) -> float:
        raise TypeError("a tendency is no step in time")

    def begin(self, patch: Patch, dt: jax.Array) -> Fields:
        return {}

    def __call__(self, patch: Patch, stage: int | jax.Array, dt: jax.Array) -> Fields:
        rates = self.equation.tendency(patch)
        return {name: patch.rounded(rate) for name, rate in rates.items()}
