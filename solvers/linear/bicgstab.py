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
    rho: jax.Array
    rr: jax.Array
    taken: jax.Array
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
        return (s.rr > goal) & (s.taken < most) & ~s.broken

    def step(s: _State) -> _State:
        p_hat = precondition(s.p)
        v = apply(p_hat)
        (shadow,) = vectors.dots((b, v))
        alpha = quotient(s.rho, shadow)
        half = vectors.plus(s.r, -alpha, v)
        half_hat = precondition(half)
        t = apply(half_hat)
        ts, tt = vectors.dots((t, half), (t, t))
        omega = quotient(ts, tt)
        r = vectors.plus(half, -omega, t)
        rr, rho = vectors.dots((r, r), (b, r))
        beta = quotient(rho, s.rho) * quotient(alpha, omega)
        p = vectors.plus(r, beta, vectors.plus(s.p, -omega, v))
        x = vectors.plus(vectors.plus(s.x, alpha, p_hat), omega, half_hat)
        broken = (shadow == 0.0) | ((omega == 0.0) & (rr > 0.0)) | (rho == 0.0) | ~jnp.isfinite(rr)
        return _State(x, r, p, rho, rr, s.taken + 1, broken)

    start = _State(zeros(b), b, b, bb, bb, jnp.int32(0), ~jnp.isfinite(bb))
    end = lax.while_loop(wanted, step, start)
    return Solution(end.x, end.taken, jnp.sqrt(quotient(end.rr, bb)), end.broken & ~(end.rr <= goal))
