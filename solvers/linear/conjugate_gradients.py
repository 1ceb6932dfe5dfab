"""The flexible conjugate gradient method."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from solvers.fields import Fields
from solvers.linear.vectors import Operator, Solution, Vectors, quotient, zeros


class _State(NamedTuple):
    x: Fields
    r: Fields
    r_before: Fields
    p: Fields
    rz: jax.Array
    rr: jax.Array
    taken: jax.Array
    broken: jax.Array


def conjugate_gradients(
    apply: Operator, b: Fields, precondition: Operator, vectors: Vectors, tolerance: jax.Array, most: int
) -> Solution:
    """A x = b for a symmetric positive definite A, from x = 0 until ‖r‖ ≤ tolerance · ‖b‖, after `most` steps at most.

    β by Polak and Ribière, so that the preconditioner need not be quite symmetric, as a V-cycle is not.
    Notay, Flexible conjugate gradients (doi:10.1137/S1064827599362314).
    """
    (bb,) = vectors.dots((b, b))
    goal = tolerance * tolerance * bb

    def wanted(s: _State) -> jax.Array:
        return (s.rr > goal) & (s.taken < most) & ~s.broken

    def step(s: _State) -> _State:
        # Preconditioned here and nowhere else: a multigrid takes long to compile.
        z = precondition(s.r)
        rz, old = vectors.dots((s.r, z), (s.r_before, z))
        p = vectors.plus(z, quotient(rz - old, s.rz), s.p)
        ap = apply(p)
        (curvature,) = vectors.dots((p, ap))
        alpha = quotient(rz, curvature)
        r = vectors.plus(s.r, -alpha, ap)
        (rr,) = vectors.dots((r, r))
        broken = ~(curvature > 0.0) | ~jnp.isfinite(rr)
        return _State(vectors.plus(s.x, alpha, p), r, s.r, p, rz, rr, s.taken + 1, broken)

    nothing = zeros(b)
    start = _State(nothing, b, nothing, nothing, jnp.float64(0.0), bb, jnp.int32(0), ~jnp.isfinite(bb))
    end = lax.while_loop(wanted, step, start)
    return Solution(end.x, end.taken, jnp.sqrt(quotient(end.rr, bb)), end.broken & ~(end.rr <= goal))


def asymmetry(apply: Operator, x: Fields, y: Fields, vectors: Vectors) -> jax.Array:
    """|⟨A x, y⟩ - ⟨x, A y⟩| / (‖A x‖ ‖y‖): rounding for a symmetric A, where x and y are like noise."""
    ax, ay = apply(x), apply(y)
    left, right, axx, yy = vectors.dots((ax, y), (x, ay), (ax, ax), (y, y))
    return quotient(jnp.abs(left - right), jnp.sqrt(axx) * jnp.sqrt(yy))
