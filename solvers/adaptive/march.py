"""The time loop of steps whose lengths follow from their errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from solvers.adaptive.controller import Controller
from solvers.block import Block
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.march import March
from solvers.measures import magnitudes
from solvers.rounds import Buffers, Clock

# Of the time reached at the end: where a step would have to be shorter than this, none will do.
_SMALLEST = 1e-12


class Pace(NamedTuple):
    """Where a march is in time, and all that its next step depends on besides the fields."""

    time: jax.Array  # float64
    step: jax.Array  # float64, the length that is wanted next
    error: jax.Array  # int64, the logarithm of the last step's (`Controller`)


class Account(NamedTuple):
    """What some steps were like.

    How many were taken and how many rejected, the shortest and the longest of those taken; `missed` is the error of the
    last one tried, in units of what is allowed; `failed`: no step is short enough.
    """

    taken: jax.Array
    rejected: jax.Array
    shortest: jax.Array
    longest: jax.Array
    missed: jax.Array
    failed: jax.Array

    @classmethod
    def none(cls) -> Account:
        nothing, zero = jnp.int64(0), jnp.float64(0.0)
        return cls(nothing, nothing, jnp.float64(jnp.inf), zero, zero, jnp.bool_(False))

    def then(self, good: jax.Array, dt: jax.Array, missed: jax.Array, failed: jax.Array) -> Account:
        return Account(
            self.taken + good,
            self.rejected + ~good,
            jnp.where(good, jnp.minimum(self.shortest, dt), self.shortest),
            jnp.where(good, jnp.maximum(self.longest, dt), self.longest),
            missed,
            failed,
        )


class _State(NamedTuple):
    """sizes: max|u| of each field.  again: whether the last step was rejected."""

    buffers: Buffers
    sizes: jax.Array
    pace: Pace
    again: jax.Array
    account: Account


@dataclass(frozen=True)
class AdaptiveMarch:
    """Take the steps of `march`, by a scheme of third order with one of second order in it, as its errors allow.

    A step is taken where max|E| ≤ absolute + tolerance · max|u| over the whole grid for each field: E is what the two
    schemes differ by, u the field before or after, whichever is larger.  Else the fields become again what they were,
    and a shorter step is tried.  Maxima do not depend on who takes them: all blocks agree on every step, to the bit.
    What acts on the fields after a step is no part of its error.
    """

    march: March
    tolerance: float
    absolute: float = 0.0

    controller = Controller(order=3)

    def buffers(self, fields: Fields) -> Buffers:
        """The fields as they are with the memory that marching them takes."""
        return self.march.buffers(fields)

    def advance(
        self,
        block: Block,
        exchange: Exchange,
        buffers: Buffers,
        coefficients: Fields,
        pace: Pace,
        stop: jax.Array,
        steps: jax.Array,
    ) -> tuple[Buffers, dict[str, jax.Array]]:
        """At most `steps` steps, traced, to the time `stop` and not beyond; the pace then, and an account of them."""

        def wanted(state: _State) -> jax.Array:
            return (state.account.taken < steps) & (state.pace.time < stop) & ~state.account.failed

        def one(state: _State) -> _State:
            time, step, _ = state.pace
            dt, arrives = _fitted(step, stop - time)
            clock = Clock(time, jnp.int64(0), dt)
            stages = jnp.int64(self.march.stages)
            after, _ = self.march.even(block, exchange, state.buffers, coefficients, clock, stages)
            sizes, missed = self._judged(block, exchange, after.now, state.sizes)
            good = missed <= 1.0
            following, error = self._following(state, dt, good, missed)
            failed = (following < step) & (following < _SMALLEST * stop)
            return _State(
                self._kept(after, good),
                jnp.where(good, sizes, state.sizes),
                Pace(jnp.where(good, jnp.where(arrives, stop, time + dt), time), following, error),
                ~good,
                state.account.then(good, dt, missed, failed),
            )

        sizes = magnitudes([buffers.now[name] for name in self.march.walls], block, exchange)
        end = lax.while_loop(wanted, one, _State(buffers, sizes, pace, jnp.bool_(False), Account.none()))
        return end.buffers, {**end.pace._asdict(), **end.account._asdict()}

    def _judged(self, block: Block, exchange: Exchange, now: Fields, before: jax.Array) -> tuple[jax.Array, jax.Array]:
        """max|u| of each field, and the error in units of what is allowed; NaN or infinite where something is."""
        names = tuple(self.march.walls)
        found = magnitudes([now[name] for name in (*names, *map(_error, names))], block, exchange)
        sizes, errors = found[: len(names)], found[len(names) :]
        allowed = self.absolute + self.tolerance * jnp.maximum(before, sizes)
        return sizes, jnp.max(jnp.where(errors == 0.0, 0.0 * sizes, errors / allowed))

    def _following(
        self, state: _State, dt: jax.Array, good: jax.Array, missed: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """The length of the next step, and what it remembers of this one's error."""
        _, wanted, before = state.pace
        here = self.controller.logarithm(missed)
        after_success = self.controller.after_success(here, before)
        # It has just been seen what a longer one does.
        after_success = jnp.where(state.again, jnp.minimum(after_success, 0), after_success)
        power = jnp.where(good, after_success, self.controller.after_failure(here))
        following = self.controller.times(dt, power)
        # A step cut short by more than half, where the time was up, says nothing of the one that was wanted.
        cut = good & (2.0 * dt < wanted)
        return jnp.where(cut, jnp.maximum(wanted, following), following), jnp.where(good, here, before)

    def _kept(self, buffers: Buffers, good: jax.Array) -> Buffers:
        """The fields after a good step, or as they were when it began."""

        def restored(_: jax.Array, buffers: Buffers) -> Buffers:
            before = {name: buffers.now[f"{name}:start"] for name in self.march.walls}
            return Buffers({**buffers.now, **before}, buffers.spare)

        # A loop of one turn or none: XLA runs it in place, and not always a conditional.
        return lax.fori_loop(0, (~good).astype(jnp.int32), restored, buffers)


def _error(name: str) -> str:
    return f"{name}:error"


def _fitted(wanted: jax.Array, left: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The length of a step with so much time left, and whether it ends there; two halves leave no tiny rest."""
    arrives = wanted >= left
    return jnp.where(arrives, left, jnp.where(2.0 * wanted > left, 0.5 * left, wanted)), arrives
