"""What an equation is to the integrators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import jax

from solvers.fields import Fields
from solvers.patch import Patch


class Rates(NamedTuple):
    """Bounds of the real and of the imaginary part of the eigenvalues that a cell and its neighbours may excite.

    `decay` ≥ 0 bounds the negative real part (diffusion), `wave` ≥ 0 the imaginary part (transport, oscillation);
    float64 [1/time], arrays of the patch's cells or scalars.
    """

    decay: jax.Array
    wave: jax.Array


class Equation(ABC):
    """∂u/∂t = tendency(u, coefficients, x, t) for each of `fields`, local within `width` cells."""

    @property
    @abstractmethod
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that evolve."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Ghost layers that one evaluation of the tendency consumes."""

    @abstractmethod
    def tendency(self, patch: Patch) -> Fields:
        """∂u/∂t on the cells that the patch suffices for: dtype[m, …] → dtype[m - 2·width, …].

        Products that are added to something are `patch.rounded`, unless there is but one of them in the sum.
        """

    @abstractmethod
    def rates(self, patch: Patch) -> Rates:
        """How fast the discretised equation, linearised about the patch's fields, can change: what limits a step."""
