"""The stabilised biconjugate gradient method."""

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
    p: Fields
    v: Fields
    rho: jax.Array
    alpha: jax.Array
    rr: jax.Array
    halves: jax.Array
    broken: jax.Array


def bicgstab(
    apply: Operator, b: Fields, precondition: Operator, vectors: Vectors, tolerance: jax.Array, most: int
) -> Solution:
    """A x = b for any regular A, from x = 0 until ‖r‖ ≤ tolerance · ‖b‖, after `most` steps of two products at most.

    Preconditioned from the right, so that the residual is the true one.  van der Vorst, Bi-CGSTAB
    (doi:10.1137/0913035).
    """
    (bb,) = vectors.dots((b, b))
    goal = tolerance * tolerance * bb

    def wanted(s: _State) -> jax.Array:
        return (s.rr > goal) & (s.halves < 2 * most) & ~s.broken

    def half(s: _State) -> _State:
        """A step's first half, along p, or its second, along r.

        Both in one program: a multigrid takes long to compile.
        """
        first = s.halves % 2 == 0
        along = _either(first, s.p, s.r)
        along_hat = precondition(along)
        q = apply(along_hat)
        shadow, qy, qq = vectors.dots((b, q), (q, along), (q, q))
        length = jnp.where(first, quotient(s.rho, shadow), quotient(qy, qq))
        x = vectors.plus(s.x, length, along_hat)
        r = vectors.plus(s.r, -length, q)
        rr, rho = vectors.dots((r, r), (b, r))
        beta = quotient(rho, s.rho) * quotient(s.alpha, length)
        p = _either(first, s.p, vectors.plus(r, beta, vectors.plus(s.p, -length, s.v)))
        stuck = jnp.where(first, shadow == 0.0, ((length == 0.0) & (rr > 0.0)) | (rho == 0.0))
        return _State(
            x,
            r,
            p,
            _either(first, q, s.v),
            jnp.where(first, s.rho, rho),
            jnp.where(first, length, s.alpha),
            rr,
            s.halves + 1,
            stuck | ~jnp.isfinite(rr),
        )

    start = _State(zeros(b), b, b, b, bb, jnp.zeros_like(bb), bb, jnp.int32(0), ~jnp.isfinite(bb))
    end = lax.while_loop(wanted, half, start)
    return Solution(end.x, (end.halves + 1) // 2, jnp.sqrt(quotient(end.rr, bb)), end.broken & ~(end.rr <= goal))


def _either(condition: jax.Array, then: Fields, otherwise: Fields) -> Fields:
    return {name: jnp.where(condition, u, otherwise[name]) for name, u in then.items()}
