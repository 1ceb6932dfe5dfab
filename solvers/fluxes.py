"""∇·(k∇u) where k varies: what flows through the faces between cells, and its balance."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import along
from solvers.operators import Mean, Order, half_harmonic, mean_of, neighbour
from solvers.patch import Patch
from solvers.rounding import Rounding

GivenSides: TypeAlias = tuple[tuple[bool, bool], ...]
"""Something of the lower and the upper side of each axis, in array order."""

# A face's k differs from the mean of its two cells' by no more than this part of the smaller one.
_MOST = 1 / 8


@dataclass(frozen=True)
class FluxForm:
    """∇·(k∇u), conservative: what leaves a cell through a face arrives in the next one.

    order 2: Σ_axis (k_{i+½} (u_{i+1} - u_i) - k_{i-½} (u_i - u_{i-1})) / h², where a face's k is the arithmetic mean of
    its cells', or the harmonic one, which is right where k jumps (Patankar, Numerical Heat Transfer and Fluid Flow,
    1980, section 4.2-3).

    order 4: D (k D u), where D is the staggered difference of fourth order between cells and their faces f (Fornberg,
    SIAM Rev. 40, 1998, doi:10.1137/S0036144596322507), and k_f is made of four cells:

        (D u)_f = (27 (u_{f+½} - u_{f-½}) - (u_{f+3/2} - u_{f-3/2})) / 24h,
        k_f = (k_{f-½} + k_{f+½}) / 2 - c,    c = (k_{f-3/2} - k_{f-½} - k_{f+½} + k_{f+3/2}) / 16,

    or, for the harmonic mean, 1/k_f in the same way of 1/k.  As D is its own adjoint but for the sign, the operator is
    symmetric and takes energy out wherever k_f ≥ 0; to that end |c| is at most 1/8 of the smaller of the two cells' k
    (or 1/k): where the grid resolves k, c is of the order of h² and nothing is cut.

    given: the sides at which k ∂u/∂n is given by the ghosts of a second-order condition.  Through the wall's faces
    flows just that, whatever k is beyond it.
    """

    mean: Mean = "arithmetic"
    order: Order = 2
    given: GivenSides = ()

    @property
    def width(self) -> int:
        return 1 if self.order == 2 else 3

    def divergence(
        self,
        k: jax.Array,
        u: jax.Array,
        patch: Patch,
        outer: int = 0,
        of: str = "",
        times: jax.Array | float = 1.0,
    ) -> jax.Array:
        """Of the cells of a patch but for its `outer` outermost layers, rounded: dtype[m, …] → dtype[m - 2·width, …].

        of: the name of the coefficient that k is, if it is one.  times: a number, float64, that all is multiplied by.
        """
        spacing, rounded = patch.grid.spacing, patch.rounded
        if self.order == 2:
            return self._second(k, u, patch, outer, of, times)
        total = None
        for axis, h in enumerate(spacing):
            through = self.through(k, u, patch, axis, outer, of)
            lower, upper = ends(through, axis)
            part = rounded(jnp.asarray(times / h**2).astype(u.dtype) * (upper - lower))
            total = part if total is None else total + part
        assert total is not None
        return total

    def stiffness(self, spacing: Sequence[float]) -> float:
        """A bound of the operator's eigenvalues, of those of k = 1: a checkerboard's D u is 7/3 h, and k_f ≤ 8/7 k."""
        return (4.0 if self.order == 2 else (7.0 / 3.0) ** 2 * (8.0 / 7.0)) * sum(1.0 / h**2 for h in spacing)

    def turning(self, u: jax.Array, spacing: Sequence[float], rounded: Rounding) -> jax.Array:
        """A bound of Σ |∂/∂k| of ∇·(k∇u) over the k of all cells near one: dtype[m, …] → dtype[m - 2·width, …].

        Of (k_i + k_{i+1})(u_{i+1} - u_i) / 2 h² and its like the derivatives by k are differences of u: those next to
        a cell add up to at most (|u_{i+1} - u_i| + |u_i - u_{i-1}|) / h² an axis.
        """
        parts = [rounded(self._steepness(u, axis, rounded) * (1.0 / h**2)) for axis, h in enumerate(spacing)]
        return functools.reduce(operator.add, parts)

    def _steepness(self, u: jax.Array, axis: int, rounded: Rounding) -> jax.Array:
        if self.order == 2:
            here = neighbour(u, axis, 0)
            return jnp.abs(neighbour(u, axis, 1) - here) + jnp.abs(here - neighbour(u, axis, -1))
        slopes = jnp.abs(_steps(u, axis, rounded))
        lower, upper = ends(inner(slopes, axis), axis)
        below, above = ends(slopes, axis, apart=3)
        # The derivatives of k_f by the four add up to at most 5/4.
        return (1.25 / 24**2) * (rounded(27.0 * (lower + upper)) + (below + above))

    def _second(
        self, k: jax.Array, u: jax.Array, patch: Patch, outer: int, of: str, times: jax.Array | float
    ) -> jax.Array:
        lead, *weights = (1.0 / h**2 for h in patch.grid.spacing)
        rounded = patch.rounded

        def inflow(axis: int) -> jax.Array:
            """Through both faces across an axis; to the bit what flows out of the neighbours there."""
            here, (lower, upper) = neighbour(u, axis, 0), ends(self._faces(k, patch, axis, outer, of), axis)
            return rounded(lower * (neighbour(u, axis, -1) - here)) + rounded(upper * (neighbour(u, axis, 1) - here))

        total = inflow(0)
        for axis, weight in enumerate(weights, start=1):
            part = inflow(axis)
            total = total + (part if weight == lead else rounded(jnp.asarray(weight / lead, u.dtype) * part))
        times_all = (0.5 if self.mean == "arithmetic" else 2.0) * lead * times
        return rounded(jnp.asarray(times_all).astype(u.dtype) * total)

    def _faces(self, k: jax.Array, patch: Patch, axis: int, outer: int, of: str) -> jax.Array:
        """k at faces, of second order but for a factor."""
        if self.order == 2 and self.mean == "arithmetic":
            # Takes less to make than to read.
            return functools.reduce(operator.add, _both(k, axis))

        def made() -> jax.Array:
            return _halves(k, axis, patch.rounded) if self.order == 2 else _from_four(k, axis, self.mean, patch.rounded)

        name = f"{of} at faces across axis {axis}, {self.mean}, {self.order}, {outer}"
        return patch.of_coefficients(name, made) if of and patch.coefficients[of].ndim else made()

    def through(self, k: jax.Array, u: jax.Array, patch: Patch, axis: int, outer: int, of: str = "") -> jax.Array:
        """h G through all faces of the cells that have three neighbours: dtype[…, n + 1, …].

        G = F - (F_{f-1} - 2 F + F_{f+1}) / 24, F = k D u: (G_{i+½} - G_{i-½}) / h is D F.
        """
        rounded = patch.rounded
        flux = patch.held(rounded(self._faces(k, patch, axis, outer, of) * _steps(u, axis, rounded)))
        here = inner(flux, axis)
        below, above = ends(flux, axis, apart=2)
        through = rounded(jnp.asarray(1 / 24**2, u.dtype) * (rounded(26.0 * here) - (below + above)))
        walls = wall_faces(patch, axis, self.given, outer + self.width)
        if walls:
            (k_lower, k_upper), (lower, upper) = ([_cells(x, axis, by, least=3) for by in (-1, 0)] for x in (k, u))
            said = rounded(mean_of(k_lower, k_upper, self.mean, rounded) * (upper - lower))
            for wall in walls:
                through = jnp.where(wall, said, through)
        return through


def wall_faces(patch: Patch, axis: int, given: GivenSides, width: int) -> list[jax.Array]:
    """Of the sides of an axis that are `given`, whether faces are those of the wall: bool[…, n + 1, …] each.

    The faces are those of the cells that have `width` neighbours in the patch.
    """
    if not given:
        return []
    index = patch.origin[axis] + width + jnp.arange(patch.shape[axis] - 2 * width + 1)
    places = (0, patch.grid.shape[axis])
    found = [index == place for place, is_given in zip(places, given[axis], strict=True) if is_given]
    return [along(axis, patch.grid.ndim, here) for here in found]


def _cells(u: jax.Array, axis: int, by: int, least: int = 2) -> jax.Array:
    """Of the faces across an axis that have `least` cells on both sides those above, or the ones `by` further up.

    Without the three outermost layers of other axes.
    """
    index = [slice(3, n - 3) for n in u.shape]
    index[axis] = slice(least + by, u.shape[axis] - least + 1 + by)
    return u[tuple(index)]


def _steps(u: jax.Array, axis: int, rounded: Rounding) -> jax.Array:
    """24 h D u at all faces that have two cells on both sides."""
    below, lower, upper, above = (_cells(u, axis, by) for by in (-2, -1, 0, 1))
    return rounded(27.0 * (upper - lower)) - (above - below)


def _both(k: jax.Array, axis: int) -> tuple[jax.Array, jax.Array]:
    """k below and above all faces across an axis, without the outermost layers of other axes."""
    inside = k[tuple(slice(None) if a == axis else slice(1, n - 1) for a, n in enumerate(k.shape))]
    return ends(inside, axis)


def _halves(k: jax.Array, axis: int, rounded: Rounding) -> jax.Array:
    """Half the harmonic mean of k's two cells, at the faces of `_both`."""
    return half_harmonic(*_both(k, axis), rounded)


def _from_four(k: jax.Array, axis: int, mean: Mean, rounded: Rounding) -> jax.Array:
    """k at all faces that have two cells on both sides, of fourth order."""
    least = jnp.asarray(jnp.finfo(k.dtype).tiny, k.dtype)
    values = k if mean == "arithmetic" else 1.0 / jnp.maximum(k, least)
    below, lower, upper, above = (_cells(values, axis, by) for by in (-2, -1, 0, 1))
    # Products with powers of two are exact, and need not be rounded.
    both = lower + upper
    most = _MOST * jnp.minimum(jnp.abs(lower), jnp.abs(upper))
    bend = jnp.maximum(-most, jnp.minimum(most, (1 / 16) * ((below + above) - both)))
    found = 0.5 * both - bend
    return found if mean == "arithmetic" else 1.0 / found


def inner(values: jax.Array, axis: int) -> jax.Array:
    """Values along an axis but for the first and the last."""
    return lax.slice_in_dim(values, 1, values.shape[axis] - 1, axis=axis)


def ends(values: jax.Array, axis: int, apart: int = 1) -> tuple[jax.Array, jax.Array]:
    """Values along an axis, and those so many further up."""
    n = values.shape[axis] - apart
    return lax.slice_in_dim(values, 0, n, axis=axis), lax.slice_in_dim(values, apart, n + apart, axis=axis)
