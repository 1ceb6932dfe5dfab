"""From a case to the numerics: which grid, which equation, which loop."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import numpy as np

from sim import case as tables
from sim.case import Case
from sim.sources import evaluator
from sim.transport.protocol import Transport
from solvers.boundary import Boundary, Dirichlet, Neumann, Periodic, Sides, Walls
from solvers.equations import Heat
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.integrators import Euler
from solvers.march import March
from solvers.operators import laplacian
from solvers.stencil import Stencil, best_form


@dataclass(frozen=True)
class Problem:
    """A case in the terms of `solvers`; knows nothing yet of ranks or devices."""

    case: Case
    grid: Grid
    march: March
    stable_step: float

    def ghosts(self, depth: int) -> int:
        """Ghost layers of a block for `depth` steps an exchange."""
        return depth * self.march.step.width

    def in_slabs(self, layers: int) -> Problem:
        """The same problem, stepped in slabs of about `layers` layers; 0: by whole blocks."""
        return replace(self, march=replace(self.march, slab=layers))

    def initial(self, transport: Transport) -> Fields:
        """The fields at time 0 as distributed blocks.  Raises SimError on the ranks whose values are bad."""
        return {"u": self._place("initial.u", self.case.initial.u, transport)}

    def coefficients(self, transport: Transport) -> Fields:
        """Scalars and distributed blocks that the tendency reads.  Raises SimError like `initial`."""
        found: Fields = {"alpha": jax.numpy.asarray(self.case.equation.alpha, self.case.numerics.dtype)}
        if self.case.equation.source != 0.0:
            found["source"] = self._place("equation.source", self.case.equation.source, transport)
        return found

    def _place(self, key: str, source: float | str | tables.FileSource, transport: Transport) -> jax.Array:
        dtype = self.case.numerics.dtype
        return transport.place(evaluator(key, source, self.grid, self.case.base, dtype=dtype), dtype)


def build(case: Case) -> Problem:
    grid = case.to_grid()
    weights = laplacian(grid.spacing)
    form = best_form(weights) if case.numerics.stencil == "auto" else case.numerics.stencil
    step = Euler(Heat(Stencil(weights, form)))
    march = March(step, {"u": Walls(_sides(case), grid.spacing, step.width)})
    return Problem(case, grid, march, Heat.stable_step(case.equation.alpha, grid.spacing))


def _sides(case: Case) -> Sides:
    alpha = case.equation.alpha
    return [(_boundary(axis.lower, alpha), _boundary(axis.upper, alpha)) for axis in case.boundary.axes]


def _boundary(side: tables.Side, alpha: float) -> Boundary:
    match side:
        case tables.Periodic():
            return Periodic()
        case tables.Dirichlet(value=value):
            return Dirichlet(value)
        case tables.Neumann(flux=flux):
            return Neumann(float(np.divide(flux, alpha)) if flux else 0.0)
