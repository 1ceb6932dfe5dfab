"""Of an operation on arrays: which cells of its operands some cells of its result are made of, and how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import jax.numpy as jnp
from jax import lax
from jax.extend.core import JaxprEqn

from solvers.traced import bound

Box: TypeAlias = tuple[tuple[int, int], ...]
"""Of each axis the cells [start, until)."""

_ELEMENTWISE = {
    name
    for names in (
        "abs add add_any and atan2 clamp copy convert_element_type div eq ge gt integer_pow is_finite le lt max min",
        "mul ne neg nextafter not or pow rem select_n sign square stop_gradient sub xor",
        "acos acosh asin asinh atan atanh cbrt ceil cos cosh erf erf_inv erfc exp exp2 expm1 floor log log1p logistic",
        "round rsqrt sin sinh sqrt tan tanh",
    )
    for name in names.split()
}


def whole(shape: Sequence[int]) -> Box:
    return tuple((0, n) for n in shape)


def hull(one: Box, other: Box) -> Box:
    """The smallest box that has both."""
    return tuple((min(a, c), max(b, d)) for (a, b), (c, d) in zip(one, other, strict=True))


def moved(box: Box, by: Sequence[int]) -> Box:
    return tuple((start + n, until + n) for (start, until), n in zip(box, by, strict=True))


def size(box: Box) -> tuple[int, ...]:
    return tuple(until - start for start, until in box)


def cut(values: Any, at: Box, box: Box) -> Any:
    """The cells in a box of values that are those `at` another one around it."""
    if box == at:
        return values
    starts = [start for start, _ in at]
    relative = moved(box, [-start for start in starts])
    return lax.slice(values, [start for start, _ in relative], [until for _, until in relative])


class Rule(Protocol):
    """needs: of each operand the box that a box of the result is made of, None where that has no cells.
    made: the result in the box, of the operands in theirs."""

    @staticmethod
    def needs(equation: JaxprEqn, box: Box) -> list[Box | None]: ...

    @staticmethod
    def made(equation: JaxprEqn, box: Box, operands: Sequence[Any]) -> Any: ...


def rule_of(equation: JaxprEqn) -> type[Rule] | None:
    """None: it is not known how it goes cell by cell, or doesn't."""
    name, params = equation.primitive.name, equation.params
    if name in _ELEMENTWISE:
        return Elementwise
    if name == "broadcast_in_dim" and len(equation.invars) == 1:
        return Broadcast
    if name == "slice" and (params["strides"] is None or set(params["strides"]) <= {1}):
        return Slice
    if name == "pad" and all(low >= 0 and high >= 0 and not between for low, high, between in params["padding_config"]):
        return Pad
    return Reverse if name == "rev" else None


class Elementwise:
    @staticmethod
    def needs(equation: JaxprEqn, box: Box) -> list[Box | None]:
        return [_along(box, shape_of(atom)) for atom in equation.invars]

    @staticmethod
    def made(equation: JaxprEqn, box: Box, operands: Sequence[Any]) -> Any:
        return bound(equation, operands)[0]


class Slice:
    @staticmethod
    def needs(equation: JaxprEqn, box: Box) -> list[Box | None]:
        return [moved(box, equation.params["start_indices"])]

    @staticmethod
    def made(equation: JaxprEqn, box: Box, operands: Sequence[Any]) -> Any:
        return operands[0]


class Broadcast:
    @staticmethod
    def needs(equation: JaxprEqn, box: Box) -> list[Box | None]:
        dims = equation.params["broadcast_dimensions"]
        return [_along([box[d] for d in dims], shape_of(equation.invars[0]))]

    @staticmethod
    def made(equation: JaxprEqn, box: Box, operands: Sequence[Any]) -> Any:
        return lax.broadcast_in_dim(operands[0], size(box), equation.params["broadcast_dimensions"])


class Pad:
    @staticmethod
    def needs(equation: JaxprEqn, box: Box) -> list[Box | None]:
        inside = _inside(equation, box)
        return [None if any(until <= start for start, until in inside) else inside, ()]

    @staticmethod
    def made(equation: JaxprEqn, box: Box, operands: Sequence[Any]) -> Any:
        values, filling = operands
        if values is None:
            return jnp.broadcast_to(filling, size(box))
        lows = [low for low, _, _ in equation.params["padding_config"]]
        inside, wanted = _inside(equation, box), moved(box, [-low for low in lows])
        pads = [(a - c, d - b, 0) for (a, b), (c, d) in zip(inside, wanted, strict=True)]
        return lax.pad(values, filling, pads) if any(low or high for low, high, _ in pads) else values


class Reverse:
    @staticmethod
    def needs(equation: JaxprEqn, box: Box) -> list[Box | None]:
        turned, shape = equation.params["dimensions"], shape_of(equation.invars[0])
        pairs = enumerate(zip(box, shape, strict=True))
        return [tuple((n - until, n - start) if d in turned else (start, until) for d, ((start, until), n) in pairs)]

    @staticmethod
    def made(equation: JaxprEqn, box: Box, operands: Sequence[Any]) -> Any:
        return lax.rev(operands[0], equation.params["dimensions"])


def _along(box: Sequence[tuple[int, int]], shape: Sequence[int]) -> Box:
    """The box in an operand, which is broadcast along axes where it has one cell; of a scalar ()."""
    return tuple((0, 1) if n == 1 else ends for n, ends in zip(shape, box, strict=True)) if shape else ()


def _inside(equation: JaxprEqn, box: Box) -> Box:
    """Of a padded array's box what is not padding, as cells of the array within."""
    of, config = shape_of(equation.invars[0]), equation.params["padding_config"]
    ends = zip(box, config, of, strict=True)
    return tuple((max(start - low, 0), min(until - low, n)) for (start, until), (low, _, _), n in ends)


def shape_of(atom: Any) -> tuple[int, ...]:
    found: tuple[int, ...] = atom.aval.shape
    return found
