"""Formulas → terms: what a right-hand side in a case means to the numerics."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np

from sim.errors import SimError
from sim.expression import MAX_EXPONENT, MAX_LENGTH
from sim.expression.careful import Careful
from sim.expression.differential import DIFFERENCES, OPERATORS, has_operator
from sim.expression.evaluation import apply, evaluate
from sim.expression.tree import Comparison, Node, Number, Operation, Variable, is_condition, names_in
from sim.expression.writing import text_of
from sim.precision import check_number
from solvers.fluxes import FluxForm, GivenSides
from solvers.operators import Mean, Order, derivative, laplacian
from solvers.powers import power
from solvers.rounding import Rounding
from solvers.stencil import Form, Stencil, best_form
from solvers.terms import (
    Constant,
    Coordinate,
    Difference,
    DivergenceOfFlux,
    Given,
    InDouble,
    Pointwise,
    Sum,
    Term,
    Time,
)

# Operations that add nothing to their arguments: a product among these need not be rounded first.
_NEVER_ADD = frozenset(
    {"multiply", "divide", "negative", "square", "power", "sqrt"}
    | {"minimum", "maximum", "where", "absolute", "abs", "sign"}
)

# The arguments that an operation is proportional to.
_LINEAR: Mapping[str, tuple[int, ...]] = {"multiply": (0, 1), "divide": (0,), "negative": (0,)}


@dataclass(frozen=True)
class Discretisation:
    """How derivatives become differences.

    given: of each field the sides at which what flows through the wall is given.  dtype: the fields' own.
    """

    spacing: tuple[float, ...]
    order: Order
    form: Form | None
    mean: Mean
    given: Mapping[str, GivenSides]
    dtype: str

    def stencil(self, weights: np.ndarray) -> Stencil:
        return Stencil(weights, self.form or best_form(weights))

    def flux_form(self, fields: Collection[str]) -> FluxForm:
        """That of something made of these fields."""
        of_each = [sides for name, sides in self.given.items() if name in fields]
        by_axis = zip(*of_each, strict=True)
        given = tuple((any(a for a, _ in pairs), any(b for _, b in pairs)) for pairs in by_axis)
        return FluxForm(self.mean, self.order, given)

    def difference(self, name: str, axes: tuple[str, ...]) -> Stencil:
        """laplace, d_dx, d2_dx2, …."""
        if name == "laplace":
            return self.stencil(laplacian(self.spacing, self.order))
        axis = axes.index(name.removeprefix("d2_d").removeprefix("d_d")[0])
        return self.stencil(derivative(self.spacing, axis, 2 if name.startswith("d2") else 1, self.order))


@dataclass(frozen=True)
class Translator:
    """Trees → terms.  What does not change while the run goes is evaluated once: it ends up in `sources`.

    axes: names in array order.  parameters: numbers by name.  varying: names of coefficients that are blocks.
    sources: name → number (a scalar) or formula (a block).  worked_in: the parameters that have gone into other
    numbers, exponents or blocks.  going_on: what a coefficient is called where it goes on beyond walls → its name.
    """

    axes: tuple[str, ...]
    parameters: Mapping[str, float]
    discretisation: Discretisation
    varying: Collection[str] = ()
    sources: dict[str, float | str] = field(default_factory=dict)
    worked_in: set[str] = field(default_factory=set)
    going_on: dict[str, str] = field(default_factory=dict)

    def term(self, node: Node, differentiated: bool = False) -> Term:
        """The term; what varies with the place goes on beyond walls within a derivative, and is mirrored elsewhere."""
        if isinstance(node, Number):
            return self._constant(node.value)
        if isinstance(node, Variable):
            return self._variable(node.name, differentiated)
        names = names_in(node)
        if has_operator(node) or is_condition(node):
            return self._operation(node, differentiated)
        if names <= self.parameters.keys():
            return self._number(node)
        if names <= {*self.parameters, *self.axes} and not differentiated:
            return self._block(node)
        if names <= {*self.parameters, "t"}:
            double = replace(self, discretisation=replace(self.discretisation, dtype="float64"))
            return InDouble(double._operation(node, differentiated))
        return self._operation(node, differentiated)

    def _variable(self, name: str, differentiated: bool) -> Term:
        if name in self.axes:
            return Coordinate(self.axes.index(name), mirrored=not differentiated)
        if name in self.parameters:
            self.sources[name] = self.parameters[name]
        if differentiated and name in self.varying:
            self.going_on[f"{name} beyond walls"] = name
            return Given(f"{name} beyond walls")
        return Time() if name == "t" else Given(name)

    def value_of(self, node: Node) -> float:
        """The value of a tree of numbers and parameters.  Raises SimError where it is none."""
        self.worked_in.update(names_in(node))
        with np.errstate(all="ignore"):
            value = float(evaluate(node, {name: np.float64(x) for name, x in self.parameters.items()}, np))
        if not np.isfinite(value):
            raise SimError(f"equation: {text_of(node, {})} is {value:g}; give parameters of which it is a number")
        return value

    def _number(self, node: Node) -> Term:
        value = self.value_of(node)
        if not names_in(node):
            return self._constant(value)
        name = text_of(node, {})
        self.sources[name] = value
        return Given(name)

    def _constant(self, value: float) -> Term:
        check_number("equation: a number", value, self.discretisation.dtype)
        return Constant(value)

    def _block(self, node: Node) -> Term:
        text = text_of(node, self.parameters)
        if len(text) > MAX_LENGTH:
            raise SimError(f"equation: {text[:60]}… is too long, written out; make it one of equation.coefficients")
        self.sources[text] = text
        self.worked_in.update(names_in(node) & self.parameters.keys())
        return Given(text)

    def _operation(self, node: Operation | Comparison, differentiated: bool) -> Term:
        if isinstance(node, Operation):
            if node.op in OPERATORS:
                return self._differential(node)
            if node.op in ("add", "subtract"):
                left, right = (self.term(arg, differentiated) for arg in node.args)
                return Sum.of(left, right, 1 if node.op == "add" else -1)
            if node.op == "power" and names_in(node.args[1]) <= self.parameters.keys():
                return self._power(self.term(node.args[0], differentiated), self.value_of(node.args[1]))
            if node.op == "as_number":
                # Of numbers that are of the fields' dtype.
                node = Operation("where", (*node.args, Number(1.0), Number(0.0)))
        args = tuple(self.term(arg, differentiated) for arg in node.args)
        never_adds = isinstance(node, Comparison) or node.op in _NEVER_ADD
        linear = _LINEAR.get(node.op, ()) if isinstance(node, Operation) else ()
        return Pointwise(_applied(node), args, adds=not never_adds, is_long=self._is_long(node), linear=linear)

    def _is_long(self, node: Operation | Comparison) -> bool:
        if isinstance(node, Comparison) or node.op != "divide":
            return isinstance(node, Operation) and (node.op == "sqrt" or node.op not in _NEVER_ADD)
        # By what is the same everywhere it is a product.
        return not names_in(node.args[1]) <= {*self.parameters, "t"} or has_operator(node.args[1])

    def _power(self, base: Term, exponent: float) -> Term:
        if abs(exponent) > MAX_EXPONENT:
            raise SimError(
                f"equation: an exponent is {exponent:g}; keep it within -{MAX_EXPONENT:g} to {MAX_EXPONENT:g}"
            )
        return Pointwise(functools.partial(_to_the, exponent), (base,), is_long=not exponent.is_integer())

    def _differential(self, node: Operation) -> Term:
        d = self.discretisation
        if node.op == "div":
            k, u = node.args
            uniform = names_in(k) <= {*self.parameters, "t"} and not has_operator(k)
            if uniform:
                laplacian_of_u = Operation("laplace", (u,))
                return self.term(laplacian_of_u if k == Number(1.0) else Operation("multiply", (k, laplacian_of_u)))
            form = d.flux_form(names_in(u))
            return DivergenceOfFlux(self._conductivity(k), self.term(u, differentiated=True), form)
        of = self.term(node.args[0], differentiated=True)
        if node.op in DIFFERENCES:
            return Difference(d.difference(node.op, self.axes), of)
        slopes = [Difference(d.difference(f"d_d{axis}", self.axes), of) for axis in self.axes]
        return Sum(tuple(Pointwise(_square, (slope,)) for slope in slopes), (1,) * len(slopes))

    def _conductivity(self, k: Node) -> Term:
        """Beyond walls it is what it is on this side, as of every coefficient: then nothing depends on its form."""
        return self._block(k) if not has_operator(k) and names_in(k) <= {*self.parameters, *self.axes} else self.term(k)


def _applied(node: Operation | Comparison) -> Callable[..., jax.Array]:
    def function(rounded: Rounding, *args: jax.Array) -> jax.Array:
        plain = isinstance(node, Operation) and node.op in _NEVER_ADD and node.op != "divide"
        return apply(node, args, jnp if plain else Careful(rounded))

    return function


def _square(_: Rounding, x: jax.Array) -> jax.Array:
    return x * x


def _to_the(exponent: float, _: Rounding, x: jax.Array) -> jax.Array:
    return power(x, exponent)
