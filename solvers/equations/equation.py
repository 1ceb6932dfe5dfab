"""What an equation is to the integrators."""

from __future__ import annotations

from abc import ABC, abstractmethod

import jax

from solvers.fields import Fields


class Equation(ABC):
    """∂u/∂t = tendency(u, coefficients, t), local within `width` cells.

    `coefficients` are traced: scalars, or blocks ghosted like the fields.
    """

    @property
    @abstractmethod
    def width(self) -> int:
        """Ghost layers that one evaluation of the tendency consumes."""

    @abstractmethod
    def tendency(self, fields: Fields, coefficients: Fields, time: jax.Array) -> Fields:
        """Ghosted blocks dtype[m, …] → ∂u/∂t on the cells they suffice for, dtype[m - 2·width, …]."""
