"""Loops as their machine likes them: on CPUs as one native function, on GPUs with few questions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar

import jax
from jax import lax
from jax.custom_batching import custom_vmap
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, jaxpr_as_fun

from solvers.block import Count

State = TypeVar("State")
Function: TypeAlias = Callable[..., list[Any]]

# As XLA marks what it has made of a loop that moves next to nothing: xla/service/cpu/small_while_loop_hoisting_pass.cc.
_MARKS = {"inlineable": "false", "xla_cpu_small_call": "true"}

# Primitives that the emitter of such functions takes; over others it ends the process.
_TAKEN = {
    name
    for names in (
        "abs add and atan2 clamp div eq ge gt integer_pow is_finite le lt max min mul ne neg not or pow rem sign",
        "square sub xor acos acosh asin asinh atan atanh cbrt ceil cos cosh erf erfc exp exp2 expm1 floor log log1p",
        "logistic round sin sinh sqrt tan tanh",
        "bitcast_convert_type stop_gradient",
        "broadcast_in_dim concatenate convert_element_type copy dynamic_slice dynamic_update_slice expand_dims iota",
        "pad reshape rev scatter select_n slice split squeeze transpose",
        "closed_call custom_jvp_call custom_vjp_call custom_vmap_call jit optimization_barrier scan while",
    )
    for name in names.split()
}

# Turns of a GPU's loop before which nothing is asked.
_UNASKED = 16


def native_loop(count: Count, body: Callable[[jax.Array, State], State], state: State) -> State:
    """`lax.fori_loop(0, count, body, state)`, on CPUs as one native function.

    XLA's runtime hands out the operations of a loop one by one, each an own function; in tiles that fit the cache that
    takes a good part of the time, on small blocks most of it.  A loop stays a plain one where it contains messages,
    convolutions, which are slower in a native one, or what is not known to be taken.  What is written is written in
    place either way, and the numbers are the same.
    """
    leaves, tree = jax.tree.flatten((count, state))

    def loop(*leaves: Any) -> list[Any]:
        count, state = jax.tree.unflatten(tree, leaves)
        return jax.tree.leaves(lax.fori_loop(0, count, body, state))

    closed = jax.make_jaxpr(loop)(*leaves)
    if jax.default_backend() != "cpu":
        return _asked_seldom(count, body, state, closed.jaxpr)
    if not _all_taken(closed.jaxpr):
        return lax.fori_loop(0, count, body, state)
    function, around = _without_closure(closed)
    return jax.tree.unflatten(jax.tree.structure(state), _native(function, len(around) + 1, *around, *leaves))


def _asked_seldom(count: Count, body: Callable[[jax.Array, State], State], state: State, jaxpr: Jaxpr) -> State:
    """The same loop, but its condition is asked after many turns only.

    On a GPU the host waits for a loop's condition before each turn, unless the number of turns is known when compiling.
    """
    loops = sum(equation.primitive.name in ("while", "scan") for equation in _equations(jaxpr))
    if isinstance(count, int) or loops > 1:
        return lax.fori_loop(0, count, body, state)

    def many(i: jax.Array, state: State) -> State:
        return lax.fori_loop(0, _UNASKED, lambda j, state: body(i * _UNASKED + j, state), state)

    state = lax.fori_loop(0, count // _UNASKED, many, state)
    return lax.fori_loop(count - count % _UNASKED, count, body, state)


def _without_closure(closed: ClosedJaxpr) -> tuple[Function, list[Any]]:
    """A function that is handed all that it takes from the program around it, before its arguments; and these."""
    of_program = [isinstance(value, jax.core.Tracer) for value in closed.consts]
    pairs = list(zip(of_program, closed.consts, strict=True))

    def function(*arguments: Any) -> list[Any]:
        handed = iter(arguments)
        consts = [next(handed) if traced else value for traced, value in pairs]
        return jaxpr_as_fun(ClosedJaxpr(closed.jaxpr, consts))(*handed)

    return function, [value for traced, value in pairs if traced]


def _native(function: Function, read: int, *arguments: Any) -> list[Any]:
    """function(*arguments), of which the first are only read; of many at once (`jax.vmap`) if that is taken, too."""

    @custom_vmap
    def call(*arguments: Any) -> list[Any]:
        return _marked(function, read, *arguments)

    @call.def_vmap
    def of_many(size: int, batched: list[bool], *arguments: Any) -> tuple[list[Any], list[bool]]:
        of_all = jax.vmap(function, [0 if each else None for each in batched], axis_size=size)
        taken = _all_taken(jax.make_jaxpr(of_all)(*arguments).jaxpr)
        results = _native(of_all, read, *arguments) if taken else of_all(*arguments)
        return results, [True] * len(results)

    result: list[Any] = call(*arguments)
    return result


def _marked(function: Function, read: int, *arguments: Any) -> list[Any]:
    def unmarked(*arguments: Any) -> tuple[list[Any], tuple[Any, ...]]:
        with set_xla_metadata(**dict.fromkeys(_MARKS)):
            return function(*arguments), arguments[:read]

    # Over an argument without a use the emitter ends the process.  To be handed back is a use; and behind barriers XLA
    # neither puts a constant in an argument's place nor sees that nobody wants it back.
    arguments = lax.optimization_barrier(arguments)
    with set_xla_metadata(**_MARKS):
        results = jax.jit(unmarked)(*arguments)
    return lax.optimization_barrier(results)[0]


def _all_taken(jaxpr: Jaxpr) -> bool:
    def taken(equation: JaxprEqn) -> bool:
        name = equation.primitive.name
        return name in _TAKEN and (name != "scatter" or _is_of_a_slice(equation))

    return all(map(taken, _equations(jaxpr)))


def _is_of_a_slice(scatter: JaxprEqn) -> bool:
    """Whether it writes to one place, as u.at[1:-1].set(v) does: XLA makes it the update of a slice."""
    indices: Any = scatter.invars[1].aval
    return len(indices.shape) == 1


def _equations(jaxpr: Jaxpr) -> Iterator[JaxprEqn]:
    """Those of the bodies of loops and functions included, but not those of kernels."""
    for equation in jaxpr.eqns:
        yield equation
        if equation.primitive.name == "pallas_call":
            continue
        for parameter in jax.tree.leaves(equation.params, is_leaf=lambda x: isinstance(x, Jaxpr | ClosedJaxpr)):
            if isinstance(parameter, ClosedJaxpr):
                yield from _equations(parameter.jaxpr)
            elif isinstance(parameter, Jaxpr):
                yield from _equations(parameter)
