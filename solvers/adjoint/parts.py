"""A function's results in parts, each computed where it is wanted alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal

from solvers.adjoint.boxes import Box, cut, hull, rule_of, shape_of, whole
from solvers.native_loop import native_loop
from solvers.traced import bound, called, literal


def parted(shape: Sequence[int], rim: int) -> Iterator[Box]:
    """Boxes that make up an array: all but its outermost `rim` layers, and then these, side by side."""
    if min(shape) <= 2 * rim:
        yield whole(shape)
        return
    inner = tuple((rim, n - rim) for n in shape)
    yield inner
    for axis, n in enumerate(shape):
        for ends in ((0, rim), (n - rim, n)):
            yield (*inner[:axis], ends, *whole(shape[axis + 1 :]))


class Parts:
    """function(), in boxes of its results.

    The adjoint of a slice pads slopes with zeros to the size of the whole array, once for each neighbour that a stencil
    looks at.  In the middle of a block these are shifts and nothing else, but XLA asks in each cell which of them it
    is inside of.  Here each value is computed in the cells that others are made of, and pads are where these reach over
    an end.  What is not known to go cell by cell is computed as a whole.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        closed, results = jax.make_jaxpr(function, return_shape=True)()
        self._tree: Any = jax.tree.structure(results)
        self._keys = itertools.count()
        self._given: dict[int, Any] = {}
        self._steps: list[_Step] = []
        self._results = self._written_out(closed, [])

    def of(self, boxes: Any) -> Any:
        """The results in boxes, which are a tree like them: () for scalars, and None for what isn't wanted."""
        wanted = list(zip(self._results, self._tree.flatten_up_to(boxes), strict=True))
        needed, steps = self._needed([(key, box) for key, box in wanted if box is not None])
        known = {key: _Part(self._given[key], whole(jnp.shape(self._given[key]))) for key in self._given}
        for step in steps:
            known.update(step.taken(known, needed))
        return jax.tree.unflatten(self._tree, [None if box is None else known[key].cut(box) for key, box in wanted])

    def _needed(self, wanted: Sequence[tuple[int, Box]]) -> tuple[dict[int, Box], list[_Step]]:
        """Of all values the box that is needed for these, and in their order the steps to them."""
        needed: dict[int, Box] = {}
        steps: list[_Step] = []

        def add(key: int, box: Box) -> None:
            needed[key] = hull(needed[key], box) if key in needed else box

        for key, box in wanted:
            add(key, box)
        for step in reversed(self._steps):
            if any(key in needed for key in step.results):
                steps.append(step)
                for key, operand in zip(step.operands, step.needs(needed), strict=True):
                    if operand is not None:
                        add(key, operand)
        return needed, steps[::-1]

    def _written_out(self, closed: ClosedJaxpr, arguments: Sequence[int]) -> list[int]:
        """The results' keys; functions that are called are written out."""
        jaxpr = closed.jaxpr
        keys: dict[Any, int] = dict(zip(jaxpr.invars, arguments, strict=True))
        keys.update(zip(jaxpr.constvars, map(self._constant, closed.consts), strict=True))

        def read(atom: Any) -> int:
            return self._constant(literal(atom)) if isinstance(atom, Literal) else keys[atom]

        for equation in jaxpr.eqns:
            operands = [read(atom) for atom in equation.invars]
            if (inner := called(equation)) is not None:
                results = self._written_out(inner, operands)
            else:
                results = [next(self._keys) for _ in equation.outvars]
                self._steps.append(_Step(equation, operands, results))
            keys.update(zip(equation.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def _constant(self, value: Any) -> int:
        key = next(self._keys)
        self._given[key] = value
        return key


class _Part(NamedTuple):
    """Values in a box."""

    values: Any
    box: Box

    def cut(self, box: Box) -> Any:
        return cut(self.values, self.box, box)


class _Step(NamedTuple):
    """An equation between values that are known by their keys."""

    equation: JaxprEqn
    operands: list[int]
    results: list[int]

    def needs(self, needed: Mapping[int, Box]) -> list[Box | None]:
        """Of each operand the box from which what is needed of the results is made."""
        rule = rule_of(self.equation)
        if rule is None:
            return [whole(shape_of(atom)) for atom in self.equation.invars]
        return rule.needs(self.equation, needed[self.results[0]])

    def taken(self, known: Mapping[int, _Part], needed: Mapping[int, Box]) -> dict[int, _Part]:
        """The results, as much of them as is needed."""
        pairs = zip(self.operands, self.needs(needed), strict=True)
        operands: list[Any] = [None if box is None else known[key].cut(box) for key, box in pairs]
        rule = rule_of(self.equation)
        if rule is not None:
            box = needed[self.results[0]]
            return {self.results[0]: _Part(rule.made(self.equation, box, operands), box)}
        is_sum = self.equation.primitive.name == "reduce_sum"
        by_layers = is_sum and operands[0].ndim == len(self.equation.params["axes"]) > 1
        results = [_total(operands[0])] if by_layers else bound(self.equation, operands)
        return {key: _Part(values, whole(jnp.shape(values))) for key, values in zip(self.results, results, strict=True)}


def _total(values: jax.Array) -> jax.Array:
    """Σ values, layer by layer: of a sum of products XLA would keep each product."""

    def with_layer(i: jax.Array, total: jax.Array) -> jax.Array:
        return total + lax.dynamic_index_in_dim(values, i, keepdims=False)

    return jnp.sum(native_loop(values.shape[0], with_layer, jnp.zeros(values.shape[1:], values.dtype)))
