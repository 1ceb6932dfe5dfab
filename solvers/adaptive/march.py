"""The time loop of steps whose lengths follow from their errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from solvers.adaptive.controller import Controller
from solvers.adaptive.pair import Pair
from solvers.block import Block
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.forcing import Forcing, acted_on
from solvers.march import March
from solvers.measures import magnitudes
from solvers.once import once
from solvers.patch import Patch
from solvers.rounding import Rounding
from solvers.rounds import Buffers

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
    """again: whether the last step was rejected."""

    buffers: Buffers
    pace: Pace
    again: jax.Array
    account: Account


@dataclass(frozen=True)
class AdaptiveMarch:
    """Take steps of third order, as long as the scheme of second order in them allows, each followed by what acts.

    `march` is by an explicit scheme with an `error`, E, what the two differ by.  A step is taken where max|E| ≤
    absolute + tolerance · max|u| over the whole grid for each field, u being the one before or after, whichever is
    larger.  Else the fields become again what they were, and a shorter step is tried.  Maxima do not depend on who
    takes them: all blocks agree on every step, to the bit.  No step is longer than `longest`.  What `forcings` do to
    the fields after a step is no part of its error.

    The tendency at the end of a step, which E takes, is that at the beginning of the next one, and that of a step
    tried in vain that of the next try: each costs as many evaluations as the scheme has stages.  It is kept in
    registers, "u:first", and made anew where a call begins, and after what acts.
    """

    march: March
    tolerance: float
    absolute: float = 0.0
    longest: float = math.inf
    forcings: Sequence[Forcing] = ()

    controller = Controller(order=3)

    def buffers(self, fields: Fields) -> Buffers:
        """The fields as they are with the memory that marching them takes."""
        now, spare = self.march.buffers(fields)
        return Buffers({**now, **{f"{name}:first": jnp.zeros_like(u) for name, u in fields.items()}}, spare)

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
        pair = Pair(self.march, block, exchange, coefficients)

        def wanted(state: _State) -> jax.Array:
            return (state.account.taken < steps) & (state.pace.time < stop) & ~state.account.failed

        def one(state: _State) -> _State:
            time, step, _ = state.pace
            dt, arrives = _fitted(step, stop - time)
            end = jnp.where(arrives, stop, time + dt)
            tried = pair.tried(state.buffers, time, dt, end)
            missed = self._missed(pair, tried, dt)
            good = missed <= 1.0
            following, error = self._following(state, dt, good, missed)
            failed = (following < step) & (following < _SMALLEST * stop)
            settled, now = self._settled(block, coefficients, tried, good, end, dt), jnp.where(good, end, time)
            if self.forcings:
                settled = pair.begun(settled, now)
            pace = Pace(now, following, error)
            return _State(settled, pace, ~good, state.account.then(good, dt, missed, failed))

        begin = _State(pair.begun(buffers, pace.time), pace, jnp.bool_(False), Account.none())
        end = lax.while_loop(wanted, one, begin)
        return end.buffers, {**end.pace._asdict(), **end.account._asdict()}

    def _missed(self, pair: Pair, tried: Buffers, dt: jax.Array) -> jax.Array:
        """The error of a step in units of what is allowed; NaN or infinite where something is."""
        names = tuple(tried.spare)
        after, before = ([tried.now[f"{name}{kind}"] for name in names] for kind in ("", ":start"))
        sizes = magnitudes([*after, *before], pair.block, pair.exchange).reshape(2, -1)
        error = jnp.stack([pair.error(tried, name, dt) for name in names])
        allowed = self.absolute + self.tolerance * jnp.maximum(*sizes)
        # Of nothing but zeros nothing is allowed, and nothing missed.
        return jnp.max(jnp.where(error == 0.0, 0.0 * allowed, error / allowed))

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
        following = jnp.minimum(self.controller.times(dt, power), self.longest)
        # A step cut short by more than half, where the time was up, says nothing of the one that was wanted.
        cut = good & (2.0 * dt < wanted)
        return jnp.where(cut, jnp.maximum(wanted, following), following), jnp.where(good, here, before)

    def _settled(
        self, block: Block, coefficients: Fields, tried: Buffers, good: jax.Array, end: jax.Array, dt: jax.Array
    ) -> Buffers:
        """The fields after a good step, and what acts on them, or as they were when it began."""
        now, last = tried
        after = {name: now[name] for name in last}

        def act(fields: Fields) -> Fields:
            patch = Patch(fields, coefficients, end, block.origin, self.march.grid, Rounding.by(end))
            return {name: u for name, u in acted_on(patch, self.forcings, dt).items() if name in fields}

        # Not before it is known whether the step is good: in place it would be seen by what the error is measured by.
        acted = once(good, act, after) if self.forcings else after

        def chosen(into: str, of_good: jax.Array, else_: str) -> jax.Array:
            here, before = (u[block.interior] for u in (of_good, now[else_]))
            return now[into].at[block.interior].set(jnp.where(good, here, before))

        rates = {f"{name}:first": chosen(f"{name}:first", u, f"{name}:first") for name, u in last.items()}
        fields = {name: chosen(name, acted[name], f"{name}:start") for name in last}
        # What is not finite would not vanish by a weight of zero.
        written = tuple(slice(self.march.width, n - self.march.width) for n in block.ghosted_shape)
        spare = {name: u.at[written].set(jnp.where(good, u[written], 0.0)) for name, u in last.items()}
        return Buffers({**now, **rates, **fields}, spare)


def _fitted(wanted: jax.Array, left: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The length of a step with so much time left, and whether it ends there; two halves leave no tiny rest."""
    arrives = wanted >= left
    return jnp.where(arrives, left, jnp.where(2.0 * wanted > left, 0.5 * left, wanted)), arrives
