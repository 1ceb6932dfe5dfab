"""The heat equation where heat has directions."""

from __future__ import annotations

import functools
import operator
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.block import along, core
from solvers.equations.equation import Diffusion, Equation, Rates
from solvers.fields import Fields
from solvers.fluxes import GivenSides, wall_faces
from solvers.patch import Patch
from solvers.reconstruction import at_faces


@dataclass(frozen=True)
class TensorDiffusion(Equation):
    """∂u/∂t = ∇·(A∇u) + q, A a symmetric tensor.

    Coefficients: `alpha_00`, `alpha_01`, … A by axes in array order, first ≤ second, scalars or blocks [length²/time],
    those that are missing are 0; optionally `source` q, a block.
    """

    fields = ("u",)
    linear = True

    def diffusion(self, patch: Patch) -> dict[str, Diffusion]:
        """By the diagonal of A."""
        k = tuple(patch.coefficients[entry(axis, axis)] for axis in range(patch.grid.ndim))
        return {"u": Diffusion(k, "arithmetic")}

    def rates(self, patch: Patch) -> Rates:
        """Σ d A_ii / h_i² + 2 Σ_{i<j} c |A_ij| / (h_i h_j), with the largest symbols d and c of the differences."""
        h, decay = patch.grid.spacing, jnp.float64(0.0)
        for i in range(len(h)):
            for j in range(i, len(h)):
                if (name := entry(i, j)) in patch.coefficients:
                    size = jnp.abs(patch.coefficients[name].astype(jnp.float64))
                    decay = decay + (self._along if i == j else 2.0 * self._across) * size / (h[i] * h[j])
        return Rates(decay, jnp.float64(0.0))

    @property
    @abstractmethod
    def _along(self) -> float:
        """The largest eigenvalue of h² ∂²/∂x², without its sign."""

    @property
    @abstractmethod
    def _across(self) -> float:
        """That of h² ∂²/∂x∂y."""


@dataclass(frozen=True)
class Anisotropic(TensorDiffusion):
    """∇·(A∇u) in flux form, second order: at a face A is the mean of its cells', and so is the derivative along it.

    (Günter, Yu, Krüger and Lackner, Modelling of heat transport in magnetised plasmas using non-aligned coordinates,
    doi:10.1016/j.jcp.2005.03.021, their asymmetric scheme.)

    given: the sides at which n·A∇u is given, or follows from u at the wall (`solvers.slanted`), by ghosts for which
    A_nn ∂u/∂n is that flux.  Through the wall's faces flows just that, so that closed walls let nothing through; while
    ∂u/∂n, which also turns heat along the wall in the cells next to it, is what the flux and the slopes s along the
    wall leave of it: (flux - Σ A_ns ∂u/∂s) / A_nn.  slanted: whether ghosts depend on the neighbours, along the wall,
    of the cells that they mirror; it takes another layer of ghosts.
    """

    given: GivenSides = ()
    held: GivenSides = ()
    slanted: bool = False

    _along, _across = 4.0, 1.0

    @property
    def width(self) -> int:
        return 2 if self.slanted else 1

    def tendency(self, patch: Patch) -> Fields:
        if self.slanted:
            patch = patch.inner(1, {"u": core(patch.fields["u"], 1)}, patch.time)
        total = core(patch.coefficients["source"], 1) if "source" in patch.coefficients else None
        for axis, h in enumerate(patch.grid.spacing):
            flux = self._flux(patch, axis)
            n = flux.shape[axis] - 1
            lower, upper = (jax.lax.slice_in_dim(flux, start, start + n, axis=axis) for start in (0, 1))
            part = patch.rounded(jnp.asarray(1.0 / h, flux.dtype) * (upper - lower))
            total = part if total is None else total + part
        assert total is not None
        return {"u": total}

    def _flux(self, patch: Patch, axis: int) -> jax.Array:
        """Σ_s A_as ∂u/∂s through the faces across an axis a."""
        entries = self._entries(patch, axis)
        slopes = [self._slope(patch, axis, other) for other in range(patch.grid.ndim)]
        flux = patch.rounded(entries[axis, axis] * slopes[axis])
        across = [
            patch.rounded(entries[axis, other] * self._leaving(patch, axis, other, entries, slopes))
            for other in range(patch.grid.ndim)
            if other != axis and (axis, other) in entries
        ]
        if not across:
            return flux
        turned = functools.reduce(operator.add, across)
        for wall in self._walls(patch, axis, axis):
            turned = jnp.where(wall, 0.0, turned)
        return flux + turned

    def _entries(self, patch: Patch, axis: int) -> dict[tuple[int, int], jax.Array]:
        """Those of A that there are, at the faces across an axis."""
        axes = range(patch.grid.ndim)
        names = {(i, j): entry(i, j) for i in axes for j in axes if entry(i, j) in patch.coefficients}
        return {pair: at_faces(patch.coefficients[name], axis, 1) for pair, name in names.items()}

    def _slope(self, patch: Patch, axis: int, other: int) -> jax.Array:
        """∂u/∂other at the faces across an axis."""
        u, h = patch.fields["u"], patch.grid.spacing[other]
        if axis == other:
            return patch.rounded(jnp.asarray(1.0 / h, u.dtype) * (_at(u, axis, 0) - _at(u, axis, -1)))
        both = _across(u, axis, other, 0) + _across(u, axis, other, -1)
        return patch.rounded(jnp.asarray(0.25 / h, u.dtype) * both)

    def _leaving(
        self,
        patch: Patch,
        axis: int,
        other: int,
        entries: Mapping[tuple[int, int], jax.Array],
        slopes: Sequence[jax.Array],
    ) -> jax.Array:
        """∂u/∂other there, in cells next to a wall of that axis with what slopes along it take from their ghosts."""
        slope, walls = slopes[other], self._walls(patch, axis, other)
        if not walls:
            return slope
        taken = [
            patch.rounded(patch.rounded.ratio(entries[other, tangent], entries[other, other]) * slopes[tangent])
            for tangent in range(patch.grid.ndim)
            if tangent != other and (other, tangent) in entries
        ]
        # Half of it, for the difference is taken over two cells and only one of them is a ghost.
        half = 0.5 * functools.reduce(operator.add, taken)
        for wall in wall_faces(patch, axis, self.held, 1) if axis > other else []:
            half = jnp.where(wall, 0.0, half)
        for wall in walls:
            slope = jnp.where(wall, slope - half, slope)
        return slope

    def _walls(self, patch: Patch, axis: int, other: int) -> list[jax.Array]:
        """For each side of the axis `other` where the flux is given, a mask: the faces across `axis` that are at it.

        Where `axis` is `other` these are the wall's own faces; else those between two cells next to the wall.
        """
        if not self.given:
            return []
        if axis == other:
            return wall_faces(patch, axis, self.given, 1)
        index = patch.origin[other] + 1 + jnp.arange(patch.shape[other] - 2)
        places = (0, patch.grid.shape[other] - 1)
        found = [index == place for place, given in zip(places, self.given[other], strict=True) if given]
        return [along(other, patch.grid.ndim, here) for here in found]


def entry(i: int, j: int) -> str:
    """The name of the coefficient A_ij."""
    return f"alpha_{min(i, j)}{max(i, j)}"


def _at(u: jax.Array, axis: int, by: int, other: int | None = None, step: int = 0) -> jax.Array:
    """The cells above the faces across an axis, or those `by` further up; perhaps their neighbours along another."""
    index = [slice(1, n - 1) for n in u.shape]
    index[axis] = slice(1 + by, u.shape[axis] + by)
    if other is not None:
        index[other] = slice(1 + step, u.shape[other] - 1 + step)
    return u[tuple(index)]


def _across(u: jax.Array, axis: int, other: int, by: int) -> jax.Array:
    """u_{+1} - u_{-1} along `other`."""
    return _at(u, axis, by, other, 1) - _at(u, axis, by, other, -1)
