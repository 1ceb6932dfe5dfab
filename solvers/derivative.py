"""Derivatives that have the same bits whatever is compiled together with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from solvers.rounding import Rounding

_PRODUCTS = frozenset({"mul", "integer_pow", "square"})


def derivative(function: Callable[[Any], Any], at: Any, along: Any, rounded: Rounding) -> Any:
    """∂function/∂x at a place along a direction, all products rounded before they are added."""
    return _with_rounded_products(lambda along: jax.jvp(function, (at,), (along,))[1], rounded)(along)


def _with_rounded_products(function: Callable[..., Any], rounded: Rounding) -> Callable[..., Any]:
    """`function`, with `rounded` around each of its multiplications.

    A derivative that JAX derives has products that nobody wrote, and sums of them.
    """

    def careful(*arguments: Any) -> Any:
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
        results = _evaluate(closed.jaxpr, closed.consts, jax.tree.leaves(arguments), rounded)
        return jax.tree.unflatten(jax.tree.structure(shape), results)

    return careful


def _evaluate(jaxpr: Jaxpr, consts: Sequence[Any], arguments: Sequence[Any], rounded: Rounding) -> list[Any]:
    values: dict[Any, Any] = {}

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else values[atom]

    values.update(zip(jaxpr.constvars, consts, strict=True))
    values.update(zip(jaxpr.invars, arguments, strict=True))
    for equation in jaxpr.eqns:
        inputs = [read(atom) for atom in equation.invars]
        inner = equation.params.get("jaxpr")
        if equation.primitive.name in ("jit", "pjit") and isinstance(inner, ClosedJaxpr):
            outputs = _evaluate(inner.jaxpr, inner.consts, inputs, rounded)
        elif equation.primitive.name == "scan":
            outputs = _turned(equation, inputs, rounded)
        else:
            found = equation.primitive.bind(*inputs, **equation.primitive.get_bind_params(equation.params))
            outputs = found if equation.primitive.multiple_results else [found]
            if equation.primitive.name in _PRODUCTS and jnp.issubdtype(outputs[0].dtype, jnp.floating):
                outputs = [rounded(outputs[0])]
        values.update(zip(equation.outvars, outputs, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _turned(scan: JaxprEqn, inputs: Sequence[Any], rounded: Rounding) -> list[Any]:
    """A loop whose number of turns is known."""
    body, constants, until = scan.params["jaxpr"], scan.params["num_consts"], scan.params["num_carry"]
    known, begun, given = inputs[:constants], inputs[constants : constants + until], inputs[constants + until :]

    def turn(state: list[Any], given: list[Any]) -> tuple[list[Any], list[Any]]:
        found = _evaluate(body.jaxpr, body.consts, [*known, *state, *given], rounded)
        return found[:until], found[until:]

    length, reverse = scan.params["length"], scan.params["reverse"]
    done, of_each = lax.scan(turn, list(begun), list(given), length=length, reverse=reverse)
    return [*done, *of_each]
