"""The heat equation's exact propagator, by sines and cosines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from solvers.block import along
from solvers.boundary import Boundary, Dirichlet, Neumann, Periodic
from solvers.equations import Equation, Heat
from solvers.fields import Fields
from solvers.implicit.newton import Effort
from solvers.implicit.semidiscrete import Part
from solvers.implicit.solving import Solving
from solvers.stencil import Stencil
from solvers.walls import Walls


@dataclass(frozen=True)
class Spectral:
    """∂u/∂t = α∇²u + q with constant α, q(x): each mode decays by exp(-α k² Δt), with the k of the equation itself.

    No error but that of the modes that the grid can't hold, at any Δt.  For boxes whose walls are homogeneous
    Dirichlet or Neumann ones or periodic, on a single block.  The modes' values at cell centres are orthogonal (the
    discrete sine and cosine transforms II and IV); they are applied as matrices, n³ work for n² cells.
    """

    part: ClassVar[Part] = "tendency"

    @property
    def registers(self) -> Mapping[str, str]:
        return {}

    def __call__(
        self, solving: Solving, u: Fields, registers: Fields, number: jax.Array, time: jax.Array, dt: jax.Array
    ) -> tuple[Fields, Fields, Effort]:
        """Raises ValueError where the block is not the grid."""
        problem = solving.problem
        if problem.block.shape != problem.grid.shape or problem.block.padded:
            raise ValueError("the spectral propagator needs all cells in one block")
        (name, field), (walls,) = *u.items(), problem.walls.values()
        bases, squares = _modes(walls)
        rate = problem.coefficients["alpha"].astype(jnp.float64) * squares
        modes = _transformed(field.astype(jnp.float64), bases) * jnp.exp(-rate * dt)
        if "source" in problem.coefficients:
            source = problem.coefficients["source"][problem.block.interior].astype(jnp.float64)
            grown = jnp.where(rate > 0.0, -jnp.expm1(-rate * dt) / jnp.where(rate > 0.0, rate, 1.0), dt)
            modes = modes + _transformed(source, bases) * grown
        new = _transformed(modes, [basis.T for basis in bases])
        return {name: new.astype(field.dtype)}, {}, Effort.none()


def has_propagator(equation: Equation) -> bool:
    """Whether it is the heat equation with a constant α and a source, if any, of the place alone."""
    return type(equation) is Heat and isinstance(equation.form, Stencil)


def has_modes(walls: Walls) -> bool:
    """Whether these walls have sines and cosines for modes."""
    return all(_homogeneous(lower) and _homogeneous(upper) for lower, upper in walls.sides)


def _homogeneous(boundary: Boundary) -> bool:
    match boundary:
        case Periodic():
            return True
        case Dirichlet(value=value):
            return isinstance(value, int | float) and value == 0.0
        case Neumann(flux=flux):
            return isinstance(flux, int | float) and flux == 0.0
    return False


def _modes(walls: Walls) -> tuple[list[np.ndarray], np.ndarray]:
    """For each axis its modes, float64[mode, cell], orthonormal; and k² of each of their products."""
    grid = walls.grid
    bases, squares = [], np.zeros(grid.shape)
    for axis, ((lower, upper), n) in enumerate(zip(walls.sides, grid.shape, strict=True)):
        numbers, basis = _basis(n, lower, upper)
        wave = numbers * np.pi / (grid.upper[axis] - grid.lower[axis])
        bases.append(basis / np.linalg.norm(basis, axis=1, keepdims=True))
        squares += along(axis, grid.ndim, wave**2)
    return bases, squares


def _basis(n: int, lower: Boundary, upper: Boundary) -> tuple[np.ndarray, np.ndarray]:
    """Half waves in the box, float64[mode], and the modes at cell centres, float64[mode, cell]."""
    count, x = np.arange(n), (np.arange(n) + 0.5) / n
    if isinstance(lower, Periodic):
        numbers = 2.0 * ((count + 1) // 2)
        # The shortest wave that an even number of cells holds has its zeros between the centres: a sine.
        cosine = (count % 2 == 1) & (numbers < n)
        phase = np.pi * numbers[:, None] * x[None, :]
        return numbers, np.where(cosine[:, None] | (numbers == 0)[:, None], np.cos(phase), np.sin(phase))
    same = isinstance(lower, Dirichlet) == isinstance(upper, Dirichlet)
    numbers = count + (0.5 if not same else float(isinstance(lower, Dirichlet)))
    phase = np.pi * numbers[:, None] * x[None, :]
    return numbers, np.sin(phase) if isinstance(lower, Dirichlet) else np.cos(phase)


def _transformed(u: jax.Array, bases: list[np.ndarray]) -> jax.Array:
    for axis, basis in enumerate(bases):
        u = jnp.moveaxis(jnp.tensordot(jnp.asarray(basis), u, (1, axis), precision=lax.Precision.HIGHEST), 0, axis)
    return u
