"""What a program must declare before copies are left out."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from sim.transport.jitted import jitted

N, CHUNK = 1 << 14, 1 << 12


def product(x: jax.Array, y: jax.Array) -> jax.Array:
    """x · y by a loop that reads and writes nothing else."""

    def part(i: jax.Array, total: jax.Array) -> jax.Array:
        return total + lax.dynamic_slice_in_dim(x, i * CHUNK, CHUNK) * lax.dynamic_slice_in_dim(y, i * CHUNK, CHUNK)

    return lax.fori_loop(1, N // CHUNK, part, x[:CHUNK] * y[:CHUNK]).sum()


def remembering(x: jax.Array, before: jax.Array, steps: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Each step reads the vector before the last one, and the last one then takes its place: not in place."""

    def step(_: jax.Array, state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        x, before, total = state
        found = product(before, x)
        return x * 0.5 + found * 1e-9, x, total + found

    x, _, total = lax.fori_loop(0, steps, step, (x, before, jnp.float64(0.0)))
    return x, total


def test_what_is_read_is_not_written_over_before() -> None:
    x = np.arange(N) / N
    found = jitted(remembering, remembering, ())(jnp.asarray(x), jnp.asarray(3 * x), jnp.int64(7))
    before, total = 3 * x, 0.0
    for _ in range(7):
        dot = before @ x
        x, before, total = x * 0.5 + dot * 1e-9, x, total + dot
    np.testing.assert_allclose(found[0], x, rtol=1e-12)
    np.testing.assert_allclose(found[1], total, rtol=1e-12)
