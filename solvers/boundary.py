"""Physical boundaries: what the ghost cells beyond an edge of the grid hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, NamedTuple, Self, TypeAlias

import jax
import jax.numpy as jnp

from solvers.powers import rough_power
from solvers.rounding import Rounding
from solvers.wall import Wall

Value: TypeAlias = float | jax.Array | Callable[[Wall], jax.Array]
"""A number, an array, or a function of the place along the wall and of time; it broadcasts to the wall's ghosts."""


class Boundary(ABC):
    """A condition at one side, given as the ghost values that make it hold at the wall.

      ghosts          wall   interior
    | g₂ | g₁ | g₀ |   ‖   | u₀ | u₁ | u₂ |          ghost gⱼ mirrors cell uⱼ,
                       ‖                             their centres (2j + 1) h apart

    All are second-order accurate at the wall: there u = (gⱼ + uⱼ) / 2 and ∂u/∂n = (gⱼ - uⱼ) / ((2j + 1) h).
    """

    reach: ClassVar[int] = 1
    """Interior layers that it needs even where there are fewer ghosts."""
    slants: ClassVar[bool] = False
    """Whether ghosts depend on the neighbours, along the wall, of the cells that they mirror."""

    @property
    def linear(self) -> bool:
        """Whether ghosts are an affine function of the cells."""
        return True

    @abstractmethod
    def ghost(self, wall: Wall) -> jax.Array:
        """Ghost values, of the shape of `wall.mirror`."""


@dataclass(frozen=True)
class Periodic(Boundary):
    """u(x + L) = u(x): the ghosts are the cells of the opposite edge, by the halo exchange's ring or a block's own."""

    def ghost(self, wall: Wall) -> jax.Array:
        raise TypeError("periodic ghosts are cells of the opposite edge, not made of mirrored ones")


@dataclass(frozen=True)
class Dirichlet(Boundary):
    """u = value at the wall."""

    value: Value = 0.0

    def ghost(self, wall: Wall) -> jax.Array:
        return 2.0 * at(self.value, wall) - wall.mirror


@dataclass(frozen=True)
class Flow(Boundary):
    """A condition on what flows through the wall, k ∂u/∂n, for a given k."""

    k: Value = field(default=1.0, kw_only=True)

    def ghost(self, wall: Wall) -> jax.Array:
        return wall.mirror + self.rise(wall)

    def valued(self, wall: Wall) -> Self:
        """The same with what its functions are at this wall."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(self, **{name: at(value, wall) for name, value in values.items() if callable(value)})

    @abstractmethod
    def rise(self, wall: Wall) -> jax.Array:
        """What ghosts are above the cells that they mirror."""


@dataclass(frozen=True)
class Neumann(Flow):
    """k ∂u/∂n = flux at the wall, n pointing outwards: what flows in, per area and time."""

    flux: Value = 0.0

    def rise(self, wall: Wall) -> jax.Array:
        if isinstance(self.flux, int | float) and self.flux == 0.0:
            return jnp.zeros_like(wall.mirror)
        return wall.rounded(_quotient(at(self.flux, wall), at(self.k, wall), wall.rounded) * wall.distance)


@dataclass(frozen=True)
class Robin(Flow):
    """k ∂u/∂n = h (ambient - u) at the wall: convection, h ≥ 0 being the heat transfer coefficient.

    With d = (2j + 1) h_cell:  (g - u) (k/d + h/2) = h (ambient - u).
    """

    h: Value
    ambient: Value = 0.0

    def rise(self, wall: Wall) -> jax.Array:
        conducted = wall.rounded(at(self.k, wall) * jnp.asarray(1 / wall.distance))
        h = at(self.h, wall)
        wanted = wall.rounded(h * (at(self.ambient, wall) - wall.mirror))
        return _quotient(wanted, conducted + wall.rounded(0.5 * h), wall.rounded)


@dataclass(frozen=True)
class Radiation(Flow):
    """k ∂u/∂n = strength (ambient⁴ - u⁴) at the wall, strength = emissivity · σ (Stefan–Boltzmann), u ≥ 0 absolute.

    The wall's value w solves 2k/d (w - u) + strength (w⁴ - ambient⁴) = 0.  Halley's method finds it to rounding, from
    where it begins, in a fixed number of iterations, which leaves every block with the same bits.
    """

    strength: Value
    ambient: Value = 0.0

    _ITERATIONS: ClassVar[int] = 3

    @property
    def linear(self) -> bool:
        return False

    def rise(self, wall: Wall) -> jax.Array:
        strength, rounded = at(self.strength, wall), wall.rounded
        conducted = rounded(at(self.k, wall) * jnp.asarray(2 / wall.distance))
        received = rounded(strength * _fourth_power(at(self.ambient, wall), rounded))
        balance = _Balance(wall.mirror, conducted, strength, received, rounded)
        w = balance.start()
        for _ in range(self._ITERATIONS):
            w = balance.better(w)
        return 2.0 * (w - wall.mirror)


class _Balance(NamedTuple):
    """conducted · (w - u) + strength · w⁴ = received, of the value w at a wall."""

    u: jax.Array
    conducted: jax.Array
    strength: jax.Array
    received: jax.Array
    rounded: Rounding

    def start(self) -> jax.Array:
        """The smaller of what w would be by conduction or by radiation alone: between 0.94 and 1.46 of it."""
        rounded = self.rounded
        supply = rounded(self.conducted * self.u) + self.received
        conducting = rounded.ratio(supply, self.conducted)
        radiating = rough_power(rounded.ratio(supply, self.strength), 0.25)
        return jnp.where(supply > 0, jnp.minimum(conducting, radiating), 0.0)

    def better(self, w: jax.Array) -> jax.Array:
        """A step of Halley's method: Newton's, n, over 1 - n f''/2f'."""
        rounded, strength = self.rounded, self.strength
        square = rounded(w * w)
        cube = rounded(square * w)
        residual = rounded(self.conducted * (w - self.u)) + (rounded(strength * rounded(cube * w)) - self.received)
        slope = self.conducted + rounded(4.0 * rounded(strength * cube))
        newton = _quotient(residual, slope, rounded)
        bend = rounded(newton * _quotient(rounded(6.0 * rounded(strength * square)), slope, rounded))
        return w - rounded.ratio(newton, 1.0 - bend)


@dataclass(frozen=True)
class Outflow(Boundary):
    """∂²u/∂n² = 0 at the wall: what arrives leaves as it is, the ghosts going on from the two nearest cells."""

    reach: ClassVar[int] = 2

    def ghost(self, wall: Wall) -> jax.Array:
        first, second = wall.layer(0), wall.layer(1)
        return first + wall.rounded(jnp.asarray(wall.number + 1, first.dtype) * (first - second))


def at(value: Value, wall: Wall) -> jax.Array:
    """A boundary's value at a wall, in the field's dtype."""
    found = value(wall) if callable(value) else value
    return jnp.asarray(found, wall.mirror.dtype)


def _quotient(a: jax.Array, b: jax.Array, rounded: Rounding) -> jax.Array:
    """a / b, and 0 where both are: where nothing conducts and nothing is to flow, any ghost will do, but not NaN."""
    return rounded.ratio(a, jnp.where((a == 0.0) & (b == 0.0), 1.0, b))


def _fourth_power(x: jax.Array, rounded: Rounding) -> jax.Array:
    square = rounded(x * x)
    return rounded(square * square)
