"""A stencil: the linear, translation-invariant update of a cell from its neighbours."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from solvers.rounding import Rounding

Form = Literal["conv", "slices"]

# By measurement (jax 0.10.2, one Zen 4 core, two buffers in turn; time of conv over that of slices): stars 1.2 to 14
# in 1-D and 2-D up to 9 wide, then 34 to 195, for a convolution multiplies all the zeros too; dense boxes of 3 to 7
# cells in 1-D 2.7 to 11, of 9 in 2-D 0.8 to 3.4, of 25 in 2-D 0.85 to 1.6, of 49 in 2-D 0.84, of 27 in 3-D 0.13 to
# 0.9, of 125 in 3-D 0.7 to 0.9.
FEWEST_POINTS_AS_CONV = 27
_FEWEST_COLUMNS = 16


@dataclass(frozen=True, eq=False)
class Stencil:
    """(S u)_i = Σ_k weights[k] · u_{i+k-w}: a cross-correlation, over offsets from -w to w on every axis.

    weights: float64, odd extent 2w+1, the same on every axis.  Static: part of the program, not an argument
    of it.  `form` says how it is applied: "slices" adds shifted views, equal weights grouped; "conv" calls
    `lax.conv_general_dilated`.  Both take dtype[n + 2w, …] to dtype[n, …] and agree to rounding, not to
    the last bit, so the form must be a choice of the case and never of a measurement.

    Raises ValueError for weights that are not an odd cube.
    """

    weights: np.ndarray
    form: Form

    def __post_init__(self) -> None:
        shape = self.weights.shape
        if not shape or shape != (shape[0],) * len(shape) or shape[0] % 2 == 0:
            raise ValueError(f"stencil weights are an odd cube such as 3×3; got the shape {shape}")

    @property
    def width(self) -> int:
        """w: the ghost layers that one application consumes."""
        return self.weights.shape[0] // 2

    @property
    def points(self) -> int:
        return int(np.count_nonzero(self.weights))

    @property
    def takes_long(self) -> bool:
        """Whether to apply it anew for each neighbour that looks at the result takes longer than to keep that.

        By measurement (one Emerald Rapids core, in tiles): to keep it is 1.4 to 1.8 times as fast for five points
        within five, changes nothing for three within three in 1-D, and costs a quarter for two within two.
        """
        return self.points > 3

    @cached_property
    def stiffness(self) -> float:
        """Σ |weights| ≥ |eigenvalues| of S; of a Laplacian of second order, 4 Σ 1/h², the largest one itself."""
        return float(np.abs(self.weights).sum())

    @cached_property
    def symmetric(self) -> bool:
        """Whether along every axis both sides weigh the same, as of derivatives of even order."""
        return all(np.array_equal(self.weights, np.flip(self.weights, axis)) for axis in range(self.weights.ndim))

    def moments(self, spacing: Sequence[float]) -> tuple[float, ...]:
        """Σ w_k (k h)² / 2 along each axis: what ∂²/∂x² is multiplied by in the operator; but for rounding."""
        found = []
        for axis, h in enumerate(spacing):
            others = tuple(a for a in range(self.weights.ndim) if a != axis)
            along = self.weights.sum(axis=others)
            offsets = np.arange(along.size) - along.size // 2
            found.append(float(np.round(0.5 * h**2 * (along * offsets**2).sum(), 12)))
        return tuple(found)

    @cached_property
    def _groups(self) -> list[tuple[float, list[tuple[int, ...]]]]:
        """Offsets by equal weight, the smallest first; where all is symmetric, one for all of its mirror images."""
        groups: dict[float, list[tuple[int, ...]]] = {}
        first = 0 if self.symmetric else -self.width
        for offset in itertools.product(range(first, self.width + 1), repeat=self.weights.ndim):
            weight = float(self.weights[tuple(o + self.width for o in offset)])
            if weight != 0.0:
                groups.setdefault(weight, []).append(offset)
        return sorted(groups.items(), key=lambda group: (abs(group[0]), group[0]))

    def __call__(self, u: jax.Array, rounded: Rounding, times: jax.Array | float = 1.0) -> jax.Array:
        """S u, its products `rounded` before they are added; but as a convolution, which adds in XLA's own way.

        times: a number, float64, that all of it is multiplied by.
        """
        return self._by_convolution(u, times) if self.form == "conv" else self._by_slices(u, rounded, times)

    def _by_slices(self, u: jax.Array, rounded: Rounding, times: jax.Array | float) -> jax.Array:
        shape = tuple(n - 2 * self.width for n in u.shape)

        def images(offset: tuple[int, ...], axis: int = 0) -> jax.Array:
            """u at an offset, and at its mirror images: paired, so that the mirrored field gives the same bits."""
            if axis == u.ndim:
                return u[tuple(slice(self.width + o, self.width + o + n) for o, n in zip(offset, shape, strict=True))]
            upper = images(offset, axis + 1)
            if not self.symmetric or offset[axis] == 0:
                return upper
            return images((*offset[:axis], -offset[axis], *offset[axis + 1 :]), axis + 1) + upper

        if not self._groups:
            return jnp.zeros(shape, u.dtype)
        # w₁ (s₁ + w₂/w₁ s₂ + …), and not w₁ s₁ + w₂ s₂ + …: one product less that must be rounded.
        (lead, _), *rest = self._groups
        total, *sums = (functools.reduce(operator.add, map(images, offsets)) for _, offsets in self._groups)
        for (weight, _), further in zip(rest, sums, strict=True):
            part = jnp.asarray(weight / lead, u.dtype) * further
            total = total + (part if _is_exact(weight / lead) else rounded(part))
        # Not known when compiling, or XLA would multiply it with what the sum is multiplied with next.
        return rounded(jnp.asarray(lead * times).astype(u.dtype)) * total

    def _by_convolution(self, u: jax.Array, times: jax.Array | float) -> jax.Array:
        # One channel, channels first, no padding: the other layouts are many times slower on CPU, and a
        # SAME convolution of a large array inside a loop brings XLA's CPU backend down.
        spatial = "DHW"[-u.ndim :]
        layout = ("NC" + spatial, "OI" + spatial, "NC" + spatial)
        kernel = jnp.asarray(self.weights, u.dtype)
        # For one or two cells XLA takes another algorithm, of other bits.
        n = u.shape[-1]
        u = jnp.pad(u, [(0, 0)] * (u.ndim - 1) + [(0, max(0, _FEWEST_COLUMNS - n))])
        full = lax.conv_general_dilated(
            u[None, None],
            kernel[None, None],
            window_strides=(1,) * u.ndim,
            padding="VALID",
            dimension_numbers=layout,
            precision=lax.Precision.HIGHEST,
        )[0, 0]
        return jnp.asarray(times).astype(u.dtype) * full[..., : n - 2 * self.width]


def _is_exact(factor: float) -> bool:
    """Whether products with it need no rounding."""
    return abs(math.frexp(factor)[0]) == 0.5


def best_form(weights: np.ndarray) -> Form:
    """The form that is fastest for these weights, by a fixed rule: the same weights, the same arithmetic."""
    points = np.count_nonzero(weights)
    return "conv" if points >= FEWEST_POINTS_AS_CONV and 2 * points >= weights.size else "slices"
