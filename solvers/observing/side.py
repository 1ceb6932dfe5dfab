"""What is measured over a side of the grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from solvers.exchange import UPPER
from solvers.observing.observation import Scene
from solvers.operators import Mean, mean_of
from solvers.reductions import exact_sum
from solvers.terms import Term
from solvers.terms.shapes import full
from solvers.terms.term import in_double

SideMeasure: TypeAlias = Literal["flux", "mean"]


@dataclass(frozen=True)
class OverSide:
    """∫k ∂u/∂n dA, what flows in through a side per time, or the mean of u over it, second order.

    At the wall u is the mean of a cell and its ghost, ∂u/∂n their difference over the spacing, and k the `mean` of
    the conductivity of both, as it is at other faces; None: k = 1.
    """

    field: str
    axis: int
    side: int
    measure: SideMeasure
    conductivity: Term | None = None
    mean: Mean = "arithmetic"

    def __call__(self, scene: Scene) -> jax.Array:
        grid, axis = scene.patch.grid, self.axis
        u = scene.patch.fields[self.field].astype(jnp.float64)
        inner, ghost = self._layer(u, scene, outside=False), self._layer(u, scene, outside=True)
        at_edge = jnp.asarray(scene.exchange.at_edge(axis, self.side))
        owned = jnp.broadcast_to(jnp.asarray(scene.block.owned()), scene.block.shape)
        # Padding follows the last cell that counts: at the first layer it is padding only of the other axes.
        counts = lax.slice_in_dim(owned, 0, 1, axis=axis) & at_edge
        faces = grid.cells // grid.shape[axis]
        if self.measure == "mean":
            return exact_sum(jnp.where(counts, 0.5 * (inner + ghost), 0.0), faces, scene.exchange) / faces
        rounded = scene.patch.rounded
        gradient = rounded((ghost - inner) * (1.0 / grid.spacing[axis]))
        if self.conductivity is not None:
            patch = in_double(scene.patch)
            k = full(self.conductivity.value(patch), patch, 0)
            here, beyond = (self._layer(k, scene, outside) for outside in (False, True))
            gradient = rounded(gradient * mean_of(here, beyond, self.mean, rounded))
        area = grid.cell_volume / grid.spacing[axis]
        return exact_sum(jnp.where(counts, gradient, 0.0), faces, scene.exchange) * area

    def _layer(self, u: jax.Array, scene: Scene, outside: bool) -> jax.Array:
        """The layer of cells next to the wall, or of ghosts: dtype[…, 1, …], without ghosts of other axes."""
        block = scene.block
        first = block.margins[self.axis] + (block.extent[self.axis] if self.side == UPPER else 0)
        index = first if outside == (self.side == UPPER) else first - 1
        for axis, cells in enumerate(block.shape):
            if axis != self.axis:
                u = lax.slice_in_dim(u, block.margins[axis], block.margins[axis] + cells, axis=axis)
        return lax.dynamic_slice_in_dim(u, index, 1, axis=self.axis)
