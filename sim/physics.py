"""What the tables of a case mean in the terms of the numerics: boundaries, integrator."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from sim import case as tables
from sim.case import Case
from sim.expression import Formula
from sim.expression.careful import Careful
from sim.topology import axis_names
from solvers.boundary import Boundary, Dirichlet, Neumann, Outflow, Periodic, Radiation, Robin, Value
from solvers.wall import Wall
from solvers.walls import Sides


def sides_of(case: Case, field: str) -> Sides:
    """The boundaries of a field, in array order."""
    meaning = _Meaning(case)
    return [(meaning.of(axis.lower), meaning.of(axis.upper)) for axis in case.boundary.of(field)]


@dataclass(frozen=True)
class _Meaning:
    """What the sides of a case are in the numerics."""

    case: Case

    def of(self, side: tables.Side) -> Boundary:
        match side:
            case tables.Periodic():
                return Periodic()
            case tables.Dirichlet(value=value):
                return Dirichlet(self._value(value))
            case tables.Neumann(flux=flux):
                return Neumann(self._value(flux), self._conductivity()) if flux else Neumann()
            case tables.Robin(h=h, ambient=ambient):
                return Robin(self._value(h), self._value(ambient), self._conductivity())
            case tables.Radiation(emissivity=emissivity, sigma=sigma, ambient=ambient):
                return Radiation(emissivity * sigma, self._value(ambient), self._conductivity())
            case tables.Outflow():
                return Outflow()

    def _value(self, value: float | str) -> Value:
        """A number, or a function of the place along the wall and of time."""
        if not isinstance(value, str):
            return value
        names = axis_names(self.case.ndim)
        formula = Formula.parse(value, (*names, "t"))

        def evaluate(wall: Wall) -> jax.Array:
            values = {name: wall.coordinate(axis) for axis, name in enumerate(names)}
            return jnp.asarray(formula.evaluate({**values, "t": wall.time}, Careful(wall.rounded)))

        return evaluate

    def _conductivity(self) -> Value:
        """k in the cells at the wall."""

        def conductivity(wall: Wall) -> jax.Array:
            return wall.coefficient("alpha")

        return conductivity
