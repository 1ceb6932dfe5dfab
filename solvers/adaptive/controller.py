"""How long the next step is, by the errors of the last ones."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

# Of an octave: logarithms are counted in these, and a step changes by whole numbers of them.
_PARTS = 32
# A tenth less than what the errors seem to allow.
_SAFETY = 5
# A step is at most five times the last one, and at least a fifth.
_MOST = 74
_OCTAVES = 60


@dataclass(frozen=True)
class Controller:
    """Δt' = 0.9 Δt e^(-3/5k) e'^(1/5k),  e the error of this step and e' that of the one before it, 1 being allowed.

    k = `order`: e grows as Δt^k.  A proportional-integral controller, PI.4.2 of Söderlind, Digital filters in adaptive
    time-stepping, 2003 (doi:10.1145/641876.641877): where stability limits the step it settles, instead of failing
    every few steps.  A step that fails is tried again with Δt' = 0.9 Δt e^(-1/k).

    Logarithms are integers, found by comparing, and powers come from a table: a step whose last bit depended on some
    compiler's logarithm would change every bit of what follows.
    """

    order: int

    def logarithm(self, error: jax.Array) -> jax.Array:
        """⌊log₂ of an error ≥ 0, in parts of an octave⌋, int64; large where it is not finite."""
        most = 2.0**_OCTAVES
        bounded = jnp.where(jnp.isfinite(error), jnp.clip(error, 1 / most, most), most)
        mantissa, exponent = jnp.frexp(bounded)
        steps = jnp.asarray(2.0 ** (np.arange(1, _PARTS) / _PARTS - 1))
        return (exponent.astype(jnp.int64) - 1) * _PARTS + jnp.sum(mantissa >= steps, dtype=jnp.int64)

    def after_success(self, now: jax.Array, before: jax.Array) -> jax.Array:
        """log₂(Δt'/Δt) in parts of an octave, int64, of the errors' logarithms."""
        return self._bounded((before - 3 * now) // (5 * self.order) - _SAFETY)

    def after_failure(self, now: jax.Array) -> jax.Array:
        """The same for another try."""
        return self._bounded(jnp.minimum(-now // self.order - _SAFETY, -1))

    def times(self, step: jax.Array, power: jax.Array) -> jax.Array:
        """Δt'."""
        powers = jnp.asarray(2.0 ** (np.arange(-_MOST, _MOST + 1) / _PARTS))
        return step * powers[power + _MOST]

    @staticmethod
    def _bounded(power: jax.Array) -> jax.Array:
        return jnp.clip(power, -_MOST, _MOST)
