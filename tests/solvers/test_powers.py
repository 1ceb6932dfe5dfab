"""Powers: what they are, their slopes, and that most are made of products and roots."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers.powers import power

HALVES = [-2.5, -2.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.5, 7.0]
OTHERS = [-0.3, 1 / 3, 2.3]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("exponent", [*HALVES, *OTHERS])
def test_values_and_slopes(exponent: float, dtype: str) -> None:
    x = np.linspace(0.1, 9.0, 50)
    value, slope = jax.jvp(lambda x: power(x, exponent), (jnp.asarray(x, dtype),), (jnp.ones(50, dtype),))
    assert value.dtype == slope.dtype == dtype
    tolerance = 10 * np.finfo(dtype).eps
    np.testing.assert_allclose(value, x**exponent, tolerance)
    np.testing.assert_allclose(slope, exponent * x ** (exponent - 1), tolerance)


@pytest.mark.parametrize("exponent", [1.0, 1.5, 2.0, 2.5, 2.3])
def test_flat_where_there_is_nothing(exponent: float) -> None:
    """At 0, where the product rule by root and products has 0 times infinity; below it a root is no number."""
    value, slope = jax.jvp(lambda x: power(x, exponent), (jnp.zeros(1),), (jnp.ones(1),))
    assert value[0] == 0.0 and slope[0] == (1.0 if exponent == 1.0 else 0.0)
    assert np.isnan(power(jnp.asarray([-1.0]), exponent)[0]) == (not exponent.is_integer())


def test_halves_need_no_logarithm() -> None:
    def operations(exponent: float) -> str:
        return str(jax.make_jaxpr(lambda x: power(x, exponent))(jnp.ones(3)))

    assert not any(" pow " in operations(exponent) for exponent in HALVES)
    assert all(" pow " in operations(exponent) for exponent in OTHERS)
