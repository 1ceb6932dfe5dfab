"""What a function computes, as values that can be asked for cell by cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal

from solvers.traced import bound, called, literal

ARITHMETIC = frozenset(
    name
    for names in (
        "abs add and bitcast_convert_type convert_element_type div eq ge gt integer_pow le lt max min mul ne neg not",
        "or rem select_n square sub xor",
    )
    for name in names.split()
)
"""What a kernel computes of the same cells of its operands."""

# What has so few elements is not worth a kernel: the program around computes it, or, where it is known, the compiler.
_FEW = 64


class NotTakenError(Exception):
    """Something is no matter of shifts and arithmetic, or too much of it."""


@dataclass(frozen=True, eq=False)
class KernelInput:
    """An array or a scalar of the program around."""

    value: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)


@dataclass(frozen=True, eq=False)
class KernelOperation:
    """What a primitive makes of other values."""

    name: str
    operands: tuple[KernelValue, ...]
    shape: tuple[int, ...]
    equation: JaxprEqn


KernelValue: TypeAlias = KernelInput | KernelOperation | np.ndarray


class KernelProgram:
    """A function's results as operations of a kernel, and the inputs from the program around that they are made of.

    What takes long and depends on scalars alone is left to the program around.  Raises NotTakenError.
    """

    def __init__(self, function: Callable[[], Sequence[jax.Array]]) -> None:
        self._nodes: dict[int, KernelInput] = {}
        self.results = [self._value(x) for x in self._run(jax.make_jaxpr(function)(), [])]
        self.given = list(_given(self.results))

    def _run(self, closed: ClosedJaxpr, arguments: Sequence[Any]) -> list[Any]:
        jaxpr = closed.jaxpr
        known: dict[Any, Any] = dict(zip(jaxpr.constvars, map(_known, closed.consts), strict=True))
        known.update(zip(jaxpr.invars, arguments, strict=True))

        def read(atom: Any) -> Any:
            return literal(atom) if isinstance(atom, Literal) else known[atom]

        for equation in jaxpr.eqns:
            operands = [read(atom) for atom in equation.invars]
            known.update(zip(equation.outvars, self._done(equation, operands), strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def _done(self, equation: JaxprEqn, operands: list[Any]) -> Sequence[Any]:
        """The results of an equation: those of few numbers, if known, at once; else by the program around, but for what
        a kernel makes of scalars as fast as it reads them."""
        name, shapes = equation.primitive.name, [_shape(out) for out in equation.outvars]
        if name in ("optimization_barrier", "copy", "stop_gradient"):
            return operands
        if (inner := called(equation)) is not None:
            return self._run(inner, operands)
        if all(isinstance(x, np.ndarray) for x in operands) and all(math.prod(shape) <= _FEW for shape in shapes):
            with jax.ensure_compile_time_eval():
                return [np.asarray(x) for x in bound(equation, operands)]
        in_kernel = name in ARITHMETIC and not any(map(_shape_of, operands))
        if not in_kernel and all(map(_is_small, operands)) and all(math.prod(shape) <= _FEW for shape in shapes):
            return bound(equation, list(map(self._around, operands)))
        if len(shapes) != 1:
            raise NotTakenError(name)
        return [KernelOperation(name, tuple(map(self._value, operands)), shapes[0], equation)]

    def _around(self, x: Any) -> Any:
        """A scalar, computed by the program around."""
        if isinstance(x, KernelOperation):
            return bound(x.equation, list(map(self._around, x.operands)))[0]
        return x.value if isinstance(x, KernelInput) else x

    def _value(self, x: Any) -> KernelValue:
        if isinstance(x, KernelInput | KernelOperation | np.ndarray):
            return x
        return self._nodes.setdefault(id(x), KernelInput(x))


def _given(results: Sequence[KernelValue]) -> Iterator[KernelInput]:
    """What the results are made of, each once."""
    waiting, seen = list(results), set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, KernelInput):
            yield value
        elif isinstance(value, KernelOperation):
            waiting.extend(value.operands)


def _shape(out: Any) -> tuple[int, ...]:
    found: tuple[int, ...] = out.aval.shape
    return found


def _shape_of(x: Any) -> tuple[int, ...]:
    found: tuple[int, ...] = x.shape if isinstance(x, KernelInput | KernelOperation) else np.shape(x)
    return found


def _is_small(x: Any) -> bool:
    """Whether it is a scalar, or one of the small arrays that are not made of others cell by cell."""
    shape = _shape_of(x)
    return not shape or (math.prod(shape) <= _FEW and not isinstance(x, KernelInput | KernelOperation))


def _known(x: Any) -> Any:
    """As numpy has it, what is small and known when compiling, and that alone."""
    if isinstance(x, jax.core.Tracer):
        return x
    return np.asarray(x) if np.size(x) <= _FEW else jnp.asarray(x)
