"""How a sum over the cells, at a later time, hangs on the fields and coefficients now."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sim.errors import SimError
from sim.problem import Problem
from sim.schedule import Segment
from sim.simulation import Simulation
from sim.topology import Box
from sim.transport.protocol import Compiled, Transport
from solvers.adjoint import Backwards, Density, Total
from solvers.fields import Fields
from solvers.rounds import Clock


@dataclass(frozen=True)
class Gradient:
    """value: L, of all cells.  What it hangs on: `blocks` and `whole` of what varies, `number` of what does not."""

    value: float
    _slopes: Mapping[str, Any]
    _transport: Transport
    _problem: Problem

    def blocks(self, name: str) -> list[tuple[Box, np.ndarray]]:
        """∂L/∂ of a field or a coefficient in each of this process' cells, as `Running.blocks` gives fields."""
        return [(place, np.array(block)) for place, block in self._transport.blocks(self._of(name)) if block.size]

    def whole(self, name: str) -> np.ndarray:
        """The same in all cells, dtype[grid.shape], where one process has them; of a number float64[]."""
        slope = self._of(name)
        if np.ndim(slope) == 0:
            return np.asarray(slope)
        found = np.empty(self._problem.grid.shape, self._problem.case.numerics.dtype)
        for place, block in self.blocks(name):
            found[place] = block
        return found

    def _of(self, name: str) -> Any:
        if name not in self._slopes:
            raise SimError(f"no gradient by {name!r} was asked for; there are those by {', '.join(self._slopes)}")
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
        raise SimError(f"gradients are of one case, and this is an ensemble of {len(problem.members)}; start each alone")


def check_loss(loss: Any, simulation: Simulation, data: Fields) -> None:
    """Raise SimError where it isn't a function that gives each cell a number."""
    if not callable(loss):
        raise SimError(f"loss is a function of (fields, data); got {loss!r:.80}")
    dtype, shape = simulation.problem.case.numerics.dtype, simulation.transport.topology.largest
    cells = jax.ShapeDtypeStruct(shape, dtype)
    found = jax.eval_shape(loss, dict.fromkeys(simulation.fields, cells), dict.fromkeys(data, cells))
    if getattr(found, "shape", None) not in (shape, ()) or not jnp.issubdtype(found.dtype, jnp.floating):
        raise SimError(
            f"the loss gives {found} for fields of {shape} cells; it must give each cell a real number, of which the "
            f"sum is taken"
        )


@dataclass(frozen=True)
class _Leg:
    """Some steps of a segment, from `first` on, and the fields that they begin with."""

    segment: Segment
    first: int
    steps: int
    fields: Fields


class Descent:
    """The programs that take a simulation's gradients, each compiled once: a loss is known by the function it is."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._totals: dict[Density, Compiled] = {}
        self._throughs: dict[int, Compiled] = {}

    def gradient(self, loss: Density, segments: Sequence[Segment], data: Fields) -> Gradient:
        """Of the loss at the end of the segments by what there is now, where the simulation is left.  Collective.

        Raises SimError, on all ranks alike, where the loss is not finite.
        """
        simulation, problem = self._simulation, self._simulation.problem
        with simulation.kept():
            most = _at_once(max((segment.steps for segment in segments), default=1), problem.march.stages)
            legs = [leg for segment in segments for leg in self._legs(segment, most)]
            slopes, said = self._total(loss)(simulation.fields, data)
        value = float(said["total"])
        if not math.isfinite(value):
            raise SimError(f"the loss is {value:g}: some cell's part of it, or the field that it is of, is not finite")
        for name, c in simulation.coefficients.items():
            slopes[name] = jnp.zeros_like(c, dtype=jnp.float64 if np.ndim(c) == 0 else None)
        through = self._through(most)
        for leg in reversed(legs):
            clock = Clock.of(leg.segment.start, leg.first * problem.march.stages, leg.segment.dt)
            varying, numbers = through(slopes, leg.fields, simulation.coefficients, clock, jnp.int64(leg.steps))
            slopes = {**varying, **numbers}
        return Gradient(value, slopes, simulation.transport, problem)

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

    def _through(self, most: int) -> Compiled:
        if most not in self._throughs:
            problem = self._simulation.problem
            march = problem.march
            backwards = Backwards(march.step, march.walls, problem.mirrors, problem.grid, most)
            self._throughs[most] = self._simulation.transport.compile(backwards.through, (0,))
        return self._throughs[most]


def _at_once(steps: int, stages: int) -> int:
    """Steps of a leg, whose stages' states are kept, one leg's at a time, beside the fields that each leg begins with:
    about so many that both are as many.  A power of two, for each number is a program of its own."""
    return 1 << round(math.log2(max(1.0, math.sqrt(steps / stages))))
