"""From a case to the numerics: which grid, which equation, which loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import jax
import numpy as np

from sim.case import Case, Source
from sim.equations import Coefficient, model_of
from sim.physics import sides_of
from sim.sources import evaluator
from sim.topology import box_shape
from sim.transport.protocol import Transport
from solvers.boundary import Neumann, Periodic
from solvers.equations import Equation
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.implicit.march import ImplicitMarch
from solvers.integrators import Euler, Step
from solvers.march import March
from solvers.walls import Walls


@dataclass(frozen=True)
class Problem:
    """A case in the terms of `solvers`; knows nothing yet of ranks or devices."""

    case: Case
    grid: Grid
    equation: Equation
    given: Mapping[str, Coefficient]
    march: March
    implicit: ImplicitMarch | None = None

    @property
    def loop(self) -> March | ImplicitMarch:
        """What takes the steps."""
        return self.implicit or self.march

    def ghosts(self, depth: int) -> int:
        """Ghost layers of a block for `depth` stages an exchange."""
        return depth * self.march.step.width

    def stepped_by(self, step: Step) -> Problem:
        """The same problem with another step of the same width."""
        return replace(self, march=replace(self.march, step=step))

    def in_slabs(self, layers: int) -> Problem:
        """The same problem, stepped in slabs of about `layers` layers; 0: by whole blocks."""
        return replace(self, march=replace(self.march, slab=layers))

    def initial(self, transport: Transport) -> Fields:
        """The fields at time 0 as distributed blocks.  Raises SimError on the ranks whose values are bad."""
        return {
            name: self._place(f"initial.{name}", self.case.initial[name], transport) for name in self.equation.fields
        }

    def coefficients(self, transport: Transport) -> Fields:
        """Scalars and distributed blocks that the tendency reads.  Raises SimError like `initial`."""
        dtype = self.case.numerics.dtype
        return {
            name: jax.numpy.asarray(given.source, dtype)
            if given.is_scalar
            else self._place(f"equation.{name}", given.source, transport, given.least)
            for name, given in self.given.items()
        }

    def blank(self, transport: Transport) -> tuple[Fields, Fields]:
        """Fields and coefficients like the problem's, of ones: something to step."""
        dtype = self.case.numerics.dtype

        def ones() -> jax.Array:
            return transport.place(lambda box: np.broadcast_to(np.ones((), dtype), box_shape(box)), dtype)

        coefficients = {
            name: jax.numpy.ones((), dtype) if given.is_scalar else ones() for name, given in self.given.items()
        }
        return {name: ones() for name in self.equation.fields}, coefficients

    @property
    def cell_bytes(self) -> int:
        """What a step moves of each cell: of fields old and new values, of coefficients those that vary."""
        varying = sum(not given.is_scalar for given in self.given.values())
        return (2 * len(self.equation.fields) + varying) * np.dtype(self.case.numerics.dtype).itemsize

    def mirrors(self, ghosts: int) -> Walls:
        """What coefficients are beyond the walls: what they are on this side."""
        sides = [
            (lower, upper) if isinstance(lower, Periodic) else (Neumann(), Neumann())
            for lower, upper in next(iter(self.march.walls.values())).sides
        ]
        return Walls(sides, self.grid, ghosts)

    def _place(self, key: str, source: Source, transport: Transport, least: float = -np.inf) -> jax.Array:
        dtype = self.case.numerics.dtype
        return transport.place(evaluator(key, source, self.grid, self.case.base, dtype=dtype, least=least), dtype)


def build(case: Case) -> Problem:
    grid = case.to_grid()
    model = model_of(case)
    equation = model.equation
    # The one that every equation has; another may take its place once it is known how fast the fields change.
    step = Euler(equation)
    walls = {name: Walls(sides_of(case, name), grid, step.width) for name in equation.fields}
    return Problem(case, grid, equation, model.coefficients, March(step, walls, grid))
