"""What an equation is to the integrators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import jax

from solvers.fields import Fields
from solvers.operators import Mean
from solvers.patch import Patch


class Rates(NamedTuple):
    """Bounds of the real and of the imaginary part of the eigenvalues that a cell and its neighbours may excite.

    `decay` ≥ 0 bounds the negative real part (diffusion), `wave` ≥ 0 the imaginary part (transport, oscillation);
    [1/time], best in float64.  An array of the patch's cells, ghosts and all or without some layers, of which the
    largest on the whole grid counts; or a number, which is the same in every cell and for any fields, and so depends
    on neither fields nor coefficients that vary: not the largest in the patch, which each block would have of its own.
    """

    decay: jax.Array | float
    wave: jax.Array | float


class Diffusion(NamedTuple):
    """∇·(k∇u) in a field's equation: k, a scalar or ghosted cells, and its mean at the faces between cells.

    k may be of each axis its own; `squared`: it is -(∇·k∇)²u.
    """

    k: jax.Array | tuple[jax.Array, ...]
    mean: Mean
    squared: bool = False


class Equation(ABC):
    """∂u/∂t = tendency(u, coefficients, x, t) for each of `fields`, local within `width` cells."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # What another class has made of its tendency is not that of this one's.
        if "tendency" in vars(cls) and "change" not in vars(cls):
            cls.change = Equation.change  # type: ignore[method-assign]

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

    def change(self, patch: Patch, dt: jax.Array) -> Fields:
        """Δt · tendency, rounded, as an explicit step adds it.  dt: float64.

        An equation whose tendency is a number times a sum may multiply the two numbers first, at one operation less
        in each cell.
        """
        rates = self.tendency(patch)
        return {name: patch.rounded(dt.astype(rate.dtype) * rate) for name, rate in rates.items()}

    @abstractmethod
    def rates(self, patch: Patch) -> Rates:
        """How fast the discretised equation, linearised about the patch's fields, can change: what limits a step."""

    @property
    def velocities(self) -> Mapping[str, str]:
        """Of an equation of second order in time the field v = ∂u/∂t of each u, by name; else nothing."""
        return {}

    @property
    def linear(self) -> bool:
        """Whether the tendency is an affine function of the fields, walls apart."""
        return False

    def stiff(self, patch: Patch) -> Fields:
        """The part of the tendency that an implicit-explicit method takes implicitly: by default, all of it."""
        return self.tendency(patch)

    def diffusion(self, patch: Patch) -> dict[str, Diffusion]:
        """The diffusion in the equations of those fields that diffuse: what implicit methods are preconditioned for.

        Of a field that has a velocity, ∇·(k∇u) in the equation of that.
        """
        return {}
