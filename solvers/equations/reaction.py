"""Reaction and diffusion, of any number of fields."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.block import core
from solvers.derivative import derivative
from solvers.equations.coupling import coupled
from solvers.equations.equation import Diffusion, Equation, Rates
from solvers.fields import Fields
from solvers.patch import Patch
from solvers.rounding import Rounding
from solvers.stencil import Stencil
from solvers.terms.symbol import Symbol


@dataclass(frozen=True)
class ReactionDiffusion(Equation):
    """∂u/∂t = D_u ∇²u + R_u(u, v, …) for each field, R within a cell."""

    laplacian: Stencil

    @property
    @abstractmethod
    def diffusivities(self) -> Mapping[str, str]:
        """Field → name of the coefficient, a scalar, that is its diffusivity [length²/time]."""

    @abstractmethod
    def reaction(self, fields: Fields, coefficients: Fields, rounded: Rounding) -> Fields:
        """R of each field, cell by cell."""

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.diffusivities)

    @property
    def width(self) -> int:
        return self.laplacian.width

    def tendency(self, patch: Patch) -> Fields:
        here = {name: core(patch.fields[name], self.width) for name in self.fields}
        reacting = self.reaction(here, patch.coefficients, patch.rounded)
        return {
            name: patch.rounded(patch.coefficients[d] * self._laplacian(name, patch)) + reacting[name]
            for name, d in self.diffusivities.items()
        }

    def stiff(self, patch: Patch) -> Fields:
        """Diffusion; the reactions are taken explicitly."""
        return {name: patch.coefficients[d] * self._laplacian(name, patch) for name, d in self.diffusivities.items()}

    def _laplacian(self, name: str, patch: Patch) -> jax.Array:
        return self.laplacian(patch.fields[name], patch.rounded)

    def diffusion(self, patch: Patch) -> dict[str, Diffusion]:
        return {name: Diffusion(patch.coefficients[d], "arithmetic") for name, d in self.diffusivities.items()}

    def rates(self, patch: Patch) -> Rates:
        """Each diffusion's decay, and the reactions' Jacobian, found by differentiating them (`coupled`)."""
        fields, coefficients = (
            {name: u.astype(jnp.float64) for name, u in values.items()} for values in (patch.fields, patch.coefficients)
        )
        fields = {name: fields[name] for name in self.fields}
        zero = jnp.float64(0.0)
        still = (zero,) * patch.grid.ndim

        def reaction(fields: Fields) -> Fields:
            return self.reaction(fields, coefficients, patch.rounded)

        columns = {}
        for name in self.fields:
            direction = {other: jnp.full_like(u, other == name) for other, u in fields.items()}
            columns[name] = derivative(reaction, fields, direction, patch.rounded)
        matrix = [[Symbol(columns[b][a], columns[b][a], still) for b in self.fields] for a in self.fields]
        for i, d in enumerate(self.diffusivities.values()):
            matrix[i][i] += Symbol(-coefficients[d] * self.laplacian.stiffness, zero, still)
        return coupled(matrix, patch.grid.spacing)
