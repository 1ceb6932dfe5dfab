"""What JAX traces: equations, and what they call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal


def literal(atom: Literal) -> np.ndarray:
    """A number that is written into an equation, in the type that it has there."""
    aval: Any = atom.aval
    return np.asarray(atom.val, aval.dtype)


def bound(equation: JaxprEqn, operands: Sequence[Any]) -> list[Any]:
    """What an equation makes of these operands."""
    found = equation.primitive.bind(*operands, **equation.params)
    return list(found) if equation.primitive.multiple_results else [found]


def called(equation: JaxprEqn) -> ClosedJaxpr | None:
    """The function that an equation calls, if that is all it does."""
    if equation.primitive.name not in ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call"):
        return None
    for name in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        found = equation.params.get(name)
        if isinstance(found, ClosedJaxpr):
            return found
        if isinstance(found, Jaxpr):
            return ClosedJaxpr(found, ())
    return None
