"""What the boundary tables of a case mean in the terms of the numerics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp

from sim import case as tables
from sim.case import Case
from sim.equations import Model
from sim.expression import Formula
from sim.expression.careful import Careful
from sim.topology import axis_names
from solvers.boundary import Boundary, Dirichlet, Flow, Neumann, Outflow, Periodic, Radiation, Robin, Value
from solvers.conducting import Conducting
from solvers.slanted import Slanted
from solvers.terms import Given
from solvers.wall import Wall
from solvers.walls import Sides


def sides_of(case: Case, model: Model, field: str) -> Sides:
    """The boundaries of a field, in array order."""
    axes = enumerate(case.boundary.of(field))
    meanings = [(_Meaning(case, model, field, axis), sides) for axis, sides in axes]
    return [(meaning.of(sides.lower), meaning.of(sides.upper)) for meaning, sides in meanings]


@dataclass(frozen=True)
class _Meaning:
    """What the sides of an axis are to a field, in the numerics."""

    case: Case
    model: Model
    field: str
    axis: int

    def of(self, side: tables.Side) -> Boundary:
        match side:
            case tables.Periodic():
                return Periodic()
            case tables.Dirichlet(value=value):
                return Dirichlet(self._value(value))
            case tables.Neumann(flux=flux):
                return self._conducting(Neumann(self._value(flux))) if flux else Neumann()
            case tables.Robin(h=h, ambient=ambient):
                return self._conducting(Robin(self._value(h), self._value(ambient)))
            case tables.Radiation(emissivity=emissivity, sigma=sigma, ambient=ambient):
                return self._conducting(Radiation(emissivity * sigma, self._value(ambient)))
            case tables.Outflow():
                return Outflow()

    def _value(self, value: float | str) -> Value:
        """A number, or a function of the place along the wall and of time."""
        if not isinstance(value, str):
            return value
        names = axis_names(self.case.ndim)
        formula = Formula.parse(value, (*names, "t"))

        def evaluate(wall: Wall) -> jax.Array:
            def at(places: Sequence[jax.Array]) -> jax.Array:
                values = dict(zip(names, places, strict=True))
                return jnp.asarray(formula.evaluate({**values, "t": wall.time}, Careful(wall.rounded)))

            return wall.continued(at, [axis for axis, name in enumerate(names) if name in formula.names])

        return evaluate

    def _conducting(self, condition: Flow) -> Boundary:
        """The condition with its k: of the cells at the wall, or, where it is a function of u, of the face."""
        k = self.model.conductivity(self.axis)
        if not isinstance(k, Given):
            return Conducting(condition, self.field, k, self.model.mean)
        name, turning = k.name, self.model.turning.get(self.axis, {})

        def conductivity(wall: Wall) -> jax.Array:
            return wall.coefficient(name)

        here = replace(condition, k=conductivity)
        return here if not turning or isinstance(condition, Neumann) else Slanted(here, name, turning)
