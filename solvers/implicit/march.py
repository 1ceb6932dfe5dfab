"""The time loop of steps that solve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import Block, core
from solvers.equations import Equation
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.forcing import Forcing, acted_on
from solvers.grid import Grid
from solvers.implicit.newton import Effort, Newton
from solvers.implicit.semidiscrete import Part, Semidiscrete
from solvers.implicit.solving import Solving
from solvers.linear.conjugate_gradients import asymmetry
from solvers.linear.noise import noise
from solvers.patch import Patch
from solvers.rounding import Rounding
from solvers.rounds import Buffers, Clock
from solvers.walls import Walls


class ImplicitStep(Protocol):
    """u(t) → u(t + Δt) by solving systems; data and a rule, see `ImplicitRungeKutta`."""

    @property
    def part(self) -> Part: ...

    @property
    def registers(self) -> Mapping[str, str]:
        """Earlier states that it carries: by name the field that each is of."""
        ...

    def __call__(
        self, solving: Solving, u: Fields, registers: Fields, number: jax.Array, time: jax.Array, dt: jax.Array
    ) -> tuple[Fields, Fields, Effort]: ...


class _State(NamedTuple):
    u: Fields
    registers: Fields
    taken: jax.Array
    effort: Effort


@dataclass(frozen=True)
class ImplicitMarch:
    """Advance blocks by many steps inside one compiled program, as `March` does by explicit ones.

    A step whose systems can't be solved is not taken, and none after it: the fields are the last good ones, and the
    effort says so.  `unit`: blocks are cut at multiples of it, a power of two.

    `forcings` act on the fields after each step (Lie's splitting, first order in Δt), just as they do after explicit
    steps.  By what they change them earlier states are changed too: else a method of several steps would take what
    they do for a trend of the equation.
    """

    step: ImplicitStep
    equation: Equation
    walls: Mapping[str, Walls]
    grid: Grid
    newton: Newton
    unit: int = 1
    forcings: Sequence[Forcing] = ()

    stages = 1
    """Of a step, as the clock counts them."""
    in_pairs = False
    """Whether stages are taken two by two."""

    @property
    def width(self) -> int:
        return self.equation.width

    def buffers(self, fields: Fields) -> Buffers:
        """The fields as they are with the registers of the step, unless they are among them."""
        first = next(iter(fields.values()))
        return Buffers({**{name: jnp.zeros_like(first) for name in self.step.registers}, **fields}, {})

    def even(
        self,
        block: Block,
        exchange: Exchange,
        buffers: Buffers,
        coefficients: Fields,
        clock: Clock,
        steps: jax.Array,
    ) -> tuple[Buffers, dict[str, jax.Array]]:
        """`steps` steps, traced, odd or even; also how many were taken, and the effort of all."""
        problem = self._problem(block, exchange, coefficients, clock.dt)
        inside = {name: u[block.interior] for name, u in buffers.now.items()}
        u = problem.vectors.owned({name: inside[name] for name in self.walls})
        registers = problem.vectors.owned({name: inside[name] for name in self.step.registers})
        # What changes with the fields is asked for at each step: a call may begin at any.
        always = problem.decay(u, clock.at(clock.first, (0.0,))) if self.newton.linear else None

        def wanted(state: _State) -> jax.Array:
            return (state.taken < steps) & ~state.effort.failed

        def one(state: _State) -> _State:
            number = clock.first + state.taken
            time = clock.at(number, (0.0,))
            decay = problem.decay(state.u, time) if always is None else always
            solving = Solving(problem, self.newton, self.unit, self.step.part, decay)
            new, kept, effort = self.step(solving, state.u, state.registers, number, time, clock.dt)
            new, kept = self._forced(problem, new, kept, time + clock.dt, clock.dt)
            good = ~effort.failed

            def either(after: Fields, before: Fields) -> Fields:
                return {name: jnp.where(good, v, before[name]) for name, v in after.items()}

            return _State(
                either(new, state.u), either(kept, state.registers), state.taken + good, state.effort.then(effort)
            )

        end = lax.while_loop(wanted, one, _State(u, registers, jnp.int64(0), Effort.none()))
        now = {name: buffers.now[name].at[block.interior].set(v) for name, v in {**end.u, **end.registers}.items()}
        return Buffers(now, buffers.spare), {"taken": end.taken, **end.effort._asdict()}

    def asymmetry(
        self, block: Block, exchange: Exchange, fields: Fields, coefficients: Fields, clock: Clock
    ) -> tuple[tuple[()], dict[str, jax.Array]]:
        """|⟨J x, y⟩ - ⟨x, J y⟩| / (‖J x‖ ‖y‖) for the derivative J and two fields of noise, over its rounding."""
        problem = self._problem(block, exchange, coefficients, clock.dt)
        u = problem.vectors.owned({name: fields[name][block.interior] for name in self.walls})
        derivative = problem.derivative(u, clock.at(clock.first, (0.0,)), self.step.part)
        x, y = (problem.vectors.owned(noise(u, block, self.grid.shape, seed)) for seed in (1, 2))
        dtype = next(iter(u.values())).dtype
        return (), {"asymmetry": asymmetry(derivative, x, y, problem.vectors) / jnp.finfo(dtype).eps}

    def _forced(
        self, problem: Semidiscrete, u: Fields, registers: Fields, time: jax.Array, dt: jax.Array
    ) -> tuple[Fields, Fields]:
        """Fields and registers at the end of a step, after the forcings."""
        if not self.forcings:
            return u, registers
        block = problem.block
        coefficients = {name: core(c, block.margins) if c.ndim else c for name, c in problem.coefficients.items()}
        patch = Patch(u, coefficients, time, block.offset, self.grid, problem.rounded)
        new = problem.vectors.owned(acted_on(patch, self.forcings, dt))
        moved = {name: registers[name] + (new[of] - u[of]) for name, of in self.step.registers.items()}
        return new, moved

    def _problem(self, block: Block, exchange: Exchange, coefficients: Fields, traced: jax.Array) -> Semidiscrete:
        return Semidiscrete.on(self.equation, self.walls, self.grid, block, exchange, coefficients, Rounding.by(traced))
