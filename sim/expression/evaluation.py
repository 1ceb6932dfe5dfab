"""Tree → values, by numpy or by JAX."""

from __future__ import annotations

import functools
import importlib
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from sim.expression.tree import Comparison, Node, Number, Operation, Variable

# Functions of two arguments that take more by folding.
_FOLDED = frozenset({"minimum", "maximum", "logical_and", "logical_or"})

# Rounded by the mathematics library, not by IEEE 754: see `_steady`.
_ROUNDED = frozenset(
    {"sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh"}
    | {"exp", "log", "log10", "hypot", "power"}
)
_LANES = 64


def _steady(ufunc: Callable[..., Any], *args: Any) -> Any:
    """`ufunc` of broadcastable float64 arguments, each element to the bit independent of where it lies.

    numpy has several loops for one function and chooses by strides, shape and dtype: with AVX-512 a strided
    argument's exp, log, cosh, tan, … differ from a contiguous one's in the last bit, and a power whose
    exponent has stride 0 may become a product.  So every argument is laid out in full, contiguous, padded to
    whole vectors: one loop, no remainder.  (+ - * / sqrt floor … are exact by IEEE 754 in any loop.)
    """
    shape = np.broadcast_shapes(*(np.shape(arg) for arg in args))
    size = math.prod(shape)
    laid_out = []
    for arg in args:
        buffer = np.ones(-(-size // _LANES) * _LANES)
        buffer[:size].reshape(shape)[...] = arg
        laid_out.append(buffer)
    return ufunc(*laid_out)[:size].reshape(shape)


def _power(xp: ModuleType, base: Any, exponent: Any) -> Any:
    if xp is np:
        return _steady(np.power, base, exponent)
    # JAX multiplies out an integer exponent, and differentiates it, where it sees an int.
    whole = isinstance(exponent, float) and exponent.is_integer()
    return xp.power(base, int(exponent) if whole else exponent)


def _erf(xp: ModuleType, x: Any) -> Any:
    if xp is np:
        flat = np.ravel(x)
        return np.fromiter(map(math.erf, flat.tolist()), np.float64, flat.size).reshape(np.shape(x))
    # Found by name: a formula by numpy, the usual case, then never loads JAX.
    return importlib.import_module("jax.scipy.special").erf(x)


def _heaviside(xp: ModuleType, x: Any, at_zero: Any = 0.5) -> Any:
    return xp.heaviside(x, at_zero)


_SPECIAL: Mapping[str, Callable[..., Any]] = {
    "power": _power,
    "erf": _erf,
    "heaviside": _heaviside,
    "step": lambda xp, x: xp.heaviside(x, 1.0),
    "square": lambda xp, x: xp.multiply(x, x),
    "as_number": lambda xp, condition: xp.where(condition, 1.0, 0.0),
}


def evaluate(node: Node, values: Mapping[str, Any], xp: ModuleType) -> Any:
    if isinstance(node, Number):
        return node.value  # a Python float: weakly typed for JAX; xp.divide and the like never raise for it
    if isinstance(node, Variable):
        return values[node.name]
    args = [evaluate(arg, values, xp) for arg in node.args]
    return apply(node, args, xp)


def apply(node: Operation | Comparison, args: Sequence[Any], xp: Any) -> Any:
    """What a node makes of the values of its arguments."""
    if isinstance(node, Comparison):
        pairs = zip(node.ops, itertools.pairwise(args), strict=True)
        return functools.reduce(xp.logical_and, [getattr(xp, op)(*pair) for op, pair in pairs])
    if node.op in _SPECIAL:
        return _SPECIAL[node.op](xp, *args)
    function = getattr(xp, node.op)  # a name of the tables above, never of the text
    if node.op in _FOLDED:
        return functools.reduce(function, args)
    return _steady(function, *args) if xp is np and node.op in _ROUNDED else function(*args)


def as_operand(name: str, value: Any, xp: ModuleType) -> Any:
    array = xp.asarray(value)
    real = array.dtype.kind in "biuf" if xp is np else not xp.iscomplexobj(array)
    if not real:
        raise TypeError(f"variable {name!r} holds {array.dtype} values; a formula takes real numbers")
    return array.astype(np.float64, copy=False) if xp is np else array
