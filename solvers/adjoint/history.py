"""The states that stages start from, kept for the way back."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import core
from solvers.fields import Fields
from solvers.integrators.step import Step
from solvers.native_loop import native_loop
from solvers.rounds import Buffers, Rounds


class History(NamedTuple):
    """Of each stage the fields that it starts from, [stages, …] with their ghosts filled, and the step's registers."""

    states: Fields

    @classmethod
    def of(cls, rounds: Rounds, fields: Fields, count: jax.Array, at_most: int) -> History:
        """Of the next `count` stages, taken by the time loop itself, one an exchange."""
        zeros = jax.tree.map(jnp.zeros_like, fields)
        registers = dict.fromkeys(rounds.step.registers, next(iter(zeros.values())))
        begun = {**fields, **registers}

        def one(i: jax.Array, buffers: Buffers, states: Fields) -> tuple[Buffers, Fields]:
            now, spare = rounds.take(buffers, i, jnp.int64(1), at_most=1)
            # A kernel does not store the ghosts that it sees.
            spare = rounds.filled(spare, rounds.clock.first + i)
            seen = {**spare, **{name: now[name] for name in registers}}
            states = {name: lax.dynamic_update_index_in_dim(states[name], u, i, 0) for name, u in seen.items()}
            return Buffers(now, spare), states

        def pair(j: jax.Array, kept: tuple[Buffers, Fields]) -> tuple[Buffers, Fields]:
            # After two the buffers are where they were.  Where the last one is one too many nobody looks at it.
            return one(2 * j + 1, *one(2 * j, *kept))

        room = 2 * -(-at_most // 2)
        states = {name: jnp.zeros((room, *u.shape), u.dtype) for name, u in begun.items()}
        return cls(native_loop((count + 1) // 2, pair, (Buffers(begun, zeros), states))[1])

    def at(self, number: jax.Array, step: Step) -> tuple[Fields, Fields]:
        """What stage `number` sees: the fields with ghosts; and, without ghosts, the registers and the fields one stage
        earlier, "u:before" (anything in the first stage)."""

        def when(name: str, number: jax.Array) -> jax.Array:
            return lax.dynamic_index_in_dim(self.states[name], number, keepdims=False)

        fields = {name: when(name, number) for name in self.states if name not in step.registers}
        beside = {name: when(name, number) for name in step.registers}
        if step.looks_back:
            beside |= {f"{name}:before": when(name, jnp.maximum(number - 1, 0)) for name in fields}
        return fields, {name: core(u, step.width) for name, u in beside.items()}
