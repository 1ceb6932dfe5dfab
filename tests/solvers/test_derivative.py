"""Derivatives, whose products a compiler may not contract."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import Jaxpr, Literal

from solvers.derivative import derivative
from solvers.rounding import Rounding


def f(x: jax.Array) -> jax.Array:
    turned: jax.Array = lax.fori_loop(0, 3, lambda _, y: y * jnp.cos(y), x)
    return jnp.where(x > 0, x**3 * jnp.sin(x), x * x) + jax.jit(lambda y: y * jnp.exp(y))(x) + turned


def test_it_is_the_derivative() -> None:
    x, v = np.random.default_rng(0).standard_normal((2, 50))
    found = derivative(f, x, v, Rounding(jnp.float64(-0.0)))
    np.testing.assert_allclose(found, jax.jvp(f, (x,), (v,))[1], rtol=1e-14)


def test_each_product_is_rounded_before_it_is_used() -> None:
    def careful(x: jax.Array, v: jax.Array, zero: jax.Array) -> jax.Array:
        found: jax.Array = derivative(f, x, v, Rounding(zero))
        return found

    program = jax.make_jaxpr(careful)(*np.ones((2, 50)), np.float64(-0.0)).jaxpr
    for jaxpr, zero in ((program, program.invars[2]), *_turns(program, program.invars[2])):
        products = {out for each in jaxpr.eqns if each.primitive.name in ("mul", "integer_pow") for out in each.outvars}
        users = [each for each in jaxpr.eqns if products & {x for x in each.invars if not isinstance(x, Literal)}]
        assert len(users) == len(products) > (5 if jaxpr is program else 2)
        assert all(each.primitive.name == "add" and zero in each.invars for each in users)


def _turns(jaxpr: Jaxpr, zero: object) -> Iterator[tuple[Jaxpr, object]]:
    """The bodies of loops, and what the zero is called there."""
    loops = [each for each in jaxpr.eqns if each.primitive.name == "scan"]
    assert loops
    for loop in loops:
        body = loop.params["jaxpr"].jaxpr
        yield body, body.invars[list(loop.invars).index(zero)]
