"""What is carried backwards, and how it gets through one stage."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from solvers.adjoint.boxes import Box, cut, whole
from solvers.adjoint.parts import Parts, parted
from solvers.adjoint.stage import Stage
from solvers.block import core
from solvers.fields import Fields


class Slopes(NamedTuple):
    """∂L/∂ of what a stage starts from, and ∂L/∂ of the coefficients by way of this stage and all later ones.

    fields: ghosted blocks, as the stage has them.  beside: without ghosts.  coefficients: ghosted blocks of those that
    vary; of numbers float64[], this block's part of the sum.
    """

    fields: Fields
    beside: Fields
    coefficients: Fields

    @classmethod
    def after(cls, fields: Fields, beside: Fields, coefficients: Fields) -> Slopes:
        """Of the fields at the end, nothing else being known of what is like these."""
        none = {name: jnp.zeros_like(c, dtype=None if c.ndim else jnp.float64) for name, c in coefficients.items()}
        return cls(fields, jax.tree.map(jnp.zeros_like, beside), none)


def through(
    stage: Stage, slopes: Slopes, spare: Fields, fields: Fields, beside: Fields, coefficients: Fields, number: jax.Array
) -> Slopes:
    """Carry slopes back through stage `number`: from those of its results, with zeros in ghosts, to those of its start.

    There ghosts have slopes as if they were cells of their own.  spare: where the fields' slopes are written.
    """
    width, shape = stage.step.width, stage.block.ghosted_shape

    def pulled() -> tuple[Fields, Fields, Fields]:
        _, pull = jax.vjp(lambda u, kept, c: stage(u, kept, c, number), fields, beside, coefficients)
        cells = {name: core(slope, width) for name, slope in slopes.fields.items()}
        found: tuple[Fields, Fields, Fields] = pull((cells, slopes.beside))
        return found

    parts, no = Parts(pulled), dict.fromkeys
    varying = [name for name, c in coefficients.items() if c.ndim]
    numbers = dict.fromkeys(coefficients.keys() - varying, ())
    all_of = {name: whole(u.shape) for name, u in beside.items()}
    _, new_beside, of_numbers = parts.of((no(fields), all_of, {**no(coefficients), **numbers}))
    # Numbers hang on all cells at all times: what that adds up to is more than their own type holds well.
    totals = {name: c if name in varying else c + of_numbers[name] for name, c in slopes.coefficients.items()}
    new = spare
    # A stage's cells see one width further, and so do those that see them.
    for box in parted(shape, 2 * width):
        of_fields, _, of_varying = parts.of((no(fields, box), no(beside), {**no(coefficients), **no(varying, box)}))
        new = {name: _with_box(old, box, of_fields[name]) for name, old in new.items()}
        for name in varying:
            more = cut(totals[name], whole(shape), box) + of_varying[name]
            totals[name] = _with_box(totals[name], box, more)
    return Slopes(new, new_beside, totals)


def _with_box(u: jax.Array, box: Box, values: jax.Array) -> jax.Array:
    return lax.dynamic_update_slice(u, values, [start for start, _ in box])
