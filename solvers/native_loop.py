"""Loops that become one native function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax
from jax import lax
from jax.custom_batching import custom_vmap
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, jaxpr_as_fun

from solvers.block import Count

State = TypeVar("State")

# As XLA itself marks small loops (xla/service/cpu/small_while_loop_hoisting_pass.cc).
_MARKS = {"inlineable": "false", "xla_cpu_small_call": "true"}

# What its emitter of such functions is known to take, in all dtypes; it ends the process over what it does not take.
_ARITHMETIC = "abs add and atan2 clamp div eq ge gt le lt max min mul ne neg not or pow rem sign sub square xor"
_FUNCTIONS = "acos acosh asin asinh atan atanh cbrt ceil cos cosh erf erfc exp exp2 expm1 floor integer_pow is_finite"
_MORE_FUNCTIONS = "log log1p logistic round rsqrt sin sinh sqrt tan tanh"
_SHAPES = "broadcast_in_dim concatenate convert_element_type copy dynamic_slice dynamic_update_slice expand_dims iota"
_MORE_SHAPES = "pad reshape rev scatter select_n slice split squeeze transpose"
_REDUCTIONS = "reduce_and reduce_max reduce_min reduce_or reduce_sum"
_CONTROL = "closed_call custom_jvp_call custom_vjp_call custom_vmap_call jit optimization_barrier scan while"
_TAKEN = {*" ".join([_ARITHMETIC, _FUNCTIONS, _MORE_FUNCTIONS, _SHAPES, _MORE_SHAPES, _REDUCTIONS, _CONTROL]).split()}


def native_loop(count: Count, body: Callable[[jax.Array, State], State], state: State) -> State:
    """`lax.fori_loop(0, count, body, state)`, on CPUs as one native function where that can be.

    XLA's runtime hands out the operations of a loop one by one, and in tiles that fit the cache that takes as long as
    a fifth of the work; only of loops that move next to nothing it makes a function.  None is made of a loop with
    messages, of one with convolutions, which are slower there, and of what is not known to be taken.  The numbers are
    the same.
    """
    leaves, tree = jax.tree.flatten((count, state))

    def loop(*leaves: Any) -> list[Any]:
        count, state = jax.tree.unflatten(tree, leaves)
        return jax.tree.leaves(lax.fori_loop(0, count, body, state))

    closed = jax.make_jaxpr(loop)(*leaves)
    if jax.default_backend() != "cpu" or not _taken(closed.jaxpr):
        return lax.fori_loop(0, count, body, state)
    # What it takes from around it has to be handed in.
    traced = [isinstance(value, jax.core.Tracer) for value in closed.consts]

    def alone(*arguments: Any) -> list[Any]:
        rest = iter(arguments)
        consts = [next(rest) if of_program else value for of_program, value in zip(traced, closed.consts, strict=True)]
        return jaxpr_as_fun(ClosedJaxpr(closed.jaxpr, consts))(*rest)

    handed = [value for of_program, value in zip(traced, closed.consts, strict=True) if of_program]
    return jax.tree.unflatten(jax.tree.structure(state), _native(alone, len(handed) + 1, *handed, *leaves))


def _native(function: Callable[..., list[Any]], read: int, *arguments: Any) -> list[Any]:
    """function(*arguments), the first of which are only read; of which many at once (`jax.vmap`) become a function, too, if what that makes is taken."""

    @custom_vmap
    def call(*arguments: Any) -> list[Any]:
        taken = _taken(jax.make_jaxpr(function)(*arguments).jaxpr)
        return _marked(function, read, *arguments) if taken else function(*arguments)

    @call.def_vmap
    def _(size: int, batched: list[bool], *arguments: Any) -> tuple[list[Any], list[bool]]:
        of_all = jax.vmap(function, [0 if each else None for each in batched], axis_size=size)
        results = _native(of_all, read, *arguments)
        return results, [True] * len(results)

    return call(*arguments)


def _marked(function: Callable[..., list[Any]], read: int, *arguments: Any) -> list[Any]:
    def unmarked(*arguments: Any) -> tuple[list[Any], tuple[Any, ...]]:
        with set_xla_metadata(**dict.fromkeys(_MARKS)):
            return function(*arguments), arguments[:read]

    # The emitter ends the process over an argument without a use.  Being handed back is one; and behind barriers XLA
    # neither puts a constant in an argument's place nor sees that nobody wants it back.
    arguments = lax.optimization_barrier(arguments)
    with set_xla_metadata(**_MARKS):
        results = jax.jit(unmarked)(*arguments)
    return lax.optimization_barrier(results)[0]


def _taken(jaxpr: Jaxpr) -> bool:
    return all(
        equation.primitive.name in _TAKEN and (equation.primitive.name != "scatter" or _is_slice(equation))
        for equation in _equations(jaxpr)
    )


def _is_slice(scatter: JaxprEqn) -> bool:
    """Whether it writes into one place, as u.at[1:-1].set(v) does; XLA turns that into a dynamic update of a slice."""
    indices: Any = scatter.invars[1].aval
    return len(indices.shape) == 1


def _equations(jaxpr: Jaxpr) -> Iterator[JaxprEqn]:
    for equation in jaxpr.eqns:
        yield equation
        for parameter in jax.tree.leaves(equation.params, is_leaf=lambda x: isinstance(x, Jaxpr | ClosedJaxpr)):
            if isinstance(parameter, ClosedJaxpr):
                yield from _equations(parameter.jaxpr)
            elif isinstance(parameter, Jaxpr):
                yield from _equations(parameter)
