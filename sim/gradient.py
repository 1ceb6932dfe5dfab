"""How a sum over the cells, at a later time, hangs on the fields and coefficients now."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sim import diagnostics, putting
from sim.as_numpy import blocks_of, whole_of
from sim.errors import SimError
from sim.memory import check_history
from sim.problem import Problem
from sim.schedule import Segment
from sim.simulation import Simulation
from sim.team import agreement
from sim.topology import Box
from sim.transport.protocol import Compiled, Transport, is_scalar
from solvers.adjoint import Backwards, Density, Total
from solvers.fields import Fields
from solvers.march import March
from solvers.rounds import Clock


@dataclass(frozen=True)
class Gradient:
    """value: L, of all cells.  `blocks` and `whole`: what it hangs on."""

    value: float
    _slopes: Mapping[str, Any] = field(repr=False)
    _transport: Transport = field(repr=False)

    def blocks(self, name: str) -> list[tuple[Box, np.ndarray]]:
        """∂L/∂ of a field or a coefficient in each of this process' cells, as `Running.blocks` gives what they are."""
        return blocks_of(name, self._of(name), self._transport)

    def whole(self, name: str) -> np.ndarray:
        """The same in all cells, dtype[grid.shape], where one process has them; of a number float64[]."""
        return whole_of(name, self._of(name), self._transport)

    def _of(self, name: str) -> Any:
        if name not in self._slopes:
            raise SimError(f"nothing here is called {name!r}; there are gradients by {', '.join(self._slopes)}")
        return self._slopes[name]


def check_differentiable(problem: Problem) -> None:
    """Raise SimError where the steps are none whose adjoint is known here."""
    time = problem.case.time
    if problem.implicit is not None or time.adaptive:
        how = "solve systems" if problem.implicit is not None else "are as long as their errors allow"
        raise SimError(
            f"gradients are of explicit steps of one length, and those of time.integrator = {time.integrator!r} {how}; "
            f'take "euler", "ssprk3", "rk4", "rkl2" or "verlet"'
        )
    if problem.members:
        raise SimError(
            f"gradients are of one case, and this is an ensemble of {len(problem.members)}; start each alone"
        )


def placed_data(data: Any, simulation: Simulation) -> Fields:
    """What a loss reads beside the fields, as blocks.  Raises SimError on the ranks where it is none."""
    if not isinstance(data, Mapping):
        raise SimError(f'data is a dict of values by name, such as {{"seen": array}}; got {data!r:.80}')
    problem, transport = simulation.problem, simulation.transport
    return {name: putting.placed(f"data.{name}", values, problem, transport) for name, values in data.items()}


def check_loss(loss: Any, simulation: Simulation, data: Fields) -> None:
    """Raise SimError where it isn't a function that gives each cell a number."""
    if not callable(loss):
        raise SimError(f"loss is a function of (fields, data); got {loss!r:.80}")
    dtype, shape = simulation.problem.case.numerics.dtype, simulation.transport.topology.largest
    cells = jax.ShapeDtypeStruct(shape, dtype)
    found = jax.eval_shape(loss, dict.fromkeys(simulation.fields, cells), dict.fromkeys(data, cells))
    if getattr(found, "shape", None) != shape or not jnp.issubdtype(found.dtype, jnp.floating):
        raise SimError(
            f"the loss gives {found} for fields of {shape} cells; it must give each cell a real number, and of these "
            f"the sum is taken"
        )


@dataclass(frozen=True)
class _Leg:
    """Some steps of a segment, from `first` on, and the fields that they begin with."""

    segment: Segment
    first: int
    steps: int
    fields: Fields


class Gradients:
    """Takes those of a simulation, by programs that are compiled once each: a loss is known by the function it is."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._totals: dict[Density, Compiled] = {}
        self._throughs: dict[int, Compiled] = {}
        self._broken = simulation.transport.compile(diagnostics.blow_up())

    def gradient(
        self, loss: Density, segments: Sequence[Segment], data: Fields, getting_on: Callable[[], None]
    ) -> Gradient:
        """Of the loss at the end of the segments by what there is now, where the simulation is left.  Collective.

        `getting_on` is called with each leg, there and back.
        Raises SimError, on all ranks alike, where the loss is not finite.
        """
        simulation = self._simulation
        most = _at_once(max(segment.steps for segment in segments), self._march.stages) if segments else 1
        with agreement(simulation.transport.team):
            self._check_room(segments, most)
        with _kept(simulation):
            legs = []
            for segment in segments:
                for leg in self._legs(segment, most):
                    getting_on()
                    legs.append(leg)
            slopes, said = self._total(loss)(simulation.fields, data)
            if not math.isfinite(value := float(said["total"])):
                raise SimError(f"the loss is {value:g}; {_why(simulation)}")
        for name, c in simulation.coefficients.items():
            slopes[name] = jnp.zeros_like(c, dtype=jnp.float64 if is_scalar(c) else None)
        while legs:
            getting_on()
            slopes = self._through(legs.pop(), slopes, most)
        for name, given in simulation.problem.given.items():
            if given.same_as is not None:
                slopes[given.same_as] = slopes[given.same_as] + slopes.pop(name)
        self._check(slopes)
        known = (*simulation.fields, *simulation.problem.changeable)
        return Gradient(value, {name: slopes[name] for name in known}, simulation.transport)

    @property
    def _march(self) -> March:
        return self._simulation.problem.march

    def _check_room(self, segments: Sequence[Segment], most: int) -> None:
        """Raise SimError where the states that will be kept can't be."""
        step, problem, transport = self._march.step, self._simulation.problem, self._simulation.transport
        fields = len(problem.equation.fields)
        at_once = most * self._march.stages * (1 + len(step.registers) / fields)
        legs = sum(-(-segment.steps // most) for segment in segments)
        # And the fields to come back to.
        check_history(1 + legs + math.ceil(at_once), problem.case, transport.topology, transport.team.size)

    def _legs(self, segment: Segment, most: int) -> Iterator[_Leg]:
        """A segment, taken in legs of `most` steps."""
        for first in range(0, segment.steps, most):
            steps = min(most, segment.steps - first)
            yield _Leg(segment, first, steps, jax.tree.map(jnp.copy, self._simulation.fields))
            self._simulation.take(segment, first, steps)

    def _total(self, loss: Density) -> Compiled:
        if loss not in self._totals:
            total = Total(loss, self._simulation.problem.grid.cells)
            self._totals[loss] = self._simulation.transport.compile(total.slopes)
        return self._totals[loss]

    def _through(self, leg: _Leg, slopes: Fields, most: int) -> Fields:
        """From the slopes of what a leg leads to, those of what it begins with."""
        if most not in self._throughs:
            problem, march = self._simulation.problem, self._march
            beyond = {name: problem.beyond_walls(name) for name in problem.given}
            backwards = Backwards(march.step, march.walls, beyond, problem.grid, most)
            self._throughs[most] = self._simulation.transport.compile(backwards.through, (0,))
        clock = Clock.of(leg.segment.start, leg.first * self._march.stages, leg.segment.dt)
        coefficients, steps = self._simulation.coefficients, jnp.int64(leg.steps)
        varying, numbers = self._throughs[most](slopes, leg.fields, coefficients, clock, steps)
        return jax.block_until_ready({**varying, **numbers})

    def _check(self, slopes: Fields) -> None:
        """Raise SimError, on all ranks alike, where some are not finite."""
        varying = {name: slope for name, slope in slopes.items() if not is_scalar(slope)}
        numbers = {name: ~jnp.isfinite(slope) for name, slope in slopes.items() if is_scalar(slope)}
        broken = {**self._broken(varying)[1], **numbers}
        if names := sorted(name for name, count in broken.items() if count):
            raise SimError(
                f"the gradient by {', '.join(names)} is not finite: something in the equation, the walls or the loss "
                f"has no slope where it is asked for one, such as sqrt at 0, or below it in ghosts beyond a wall"
            )


@contextmanager
def _kept(simulation: Simulation) -> Iterator[None]:
    """Whatever steps are taken meanwhile, the simulation is afterwards where it was."""
    fields = jax.tree.map(jnp.copy, simulation.fields)
    before = simulation.step, simulation.time, simulation.march_seconds
    try:
        yield
    finally:
        simulation.step, simulation.time, simulation.march_seconds = before
        for name, u in fields.items():
            simulation.put(name, u)


def _why(simulation: Simulation) -> str:
    if simulation.broken_cells():
        return "the fields blew up on the way; check the initial ones, and what has been put, or give a smaller step"
    return "it must be a finite number in each cell"


def _at_once(steps: int, stages: int) -> int:
    """Steps of a leg, whose stages' states are kept, one leg's at a time, beside the fields that each leg begins with:
    about so many that both are as many.  A power of two, for each number is a program of its own."""
    return 1 << round(math.log2(max(1.0, math.sqrt(steps / stages))))
