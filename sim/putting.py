"""Values that a caller puts in a field's or a coefficient's place: checked, and distributed."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, TypeAlias, cast

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from sim.errors import SimError
from sim.precision import check_largest
from sim.problem import Problem
from sim.sources import Checked
from sim.topology import Box, box_shape
from sim.transport.protocol import Evaluate, Members, Transport

Values: TypeAlias = npt.ArrayLike | Callable[[Box], npt.ArrayLike]
"""A number, an array of all cells, or a function of a place that gives an array of its cells."""

_REAL = "fiub"


def distributed(name: str, values: Values, now: Any, problem: Problem, transport: Transport) -> Any:
    """Of a field, blocks; of a coefficient what the program takes in its place, a number or blocks; in that of `now`.

    Where members of an ensemble have values of their own, arrays and places begin with the members; an array without
    them is for all.  Raises SimError on the ranks whose values are not real and finite numbers, are below what the
    coefficient may be, or have another shape.
    """
    if name in problem.given and problem.given[name].is_scalar:
        return _scalar(name, values, problem, transport)
    count = 0 if problem.is_shared(name) else len(problem.members)
    shape = (*([count] if count else []), *problem.grid.shape)
    if not count:
        return placed(name, values, problem, transport)
    give, dtype = _giver(name, values, shape, problem), problem.case.numerics.dtype

    # Asked for as `Transport.blocks` gives them, several members at once.
    places = [place for place, _ in transport.blocks(now)]
    give_once = lru_cache(len(places))(lambda number: give(places[number]))

    def of_member(member: int, box: Box) -> np.ndarray:
        number = next(i for i, (held, *on) in enumerate(places) if (*on,) == box and held.start <= member < held.stop)
        return give_once(number)[member - places[number][0].start]

    each = [_checked(name, partial(of_member, member), problem) for member in range(count)]
    return cast(Members, transport).place_each(each, dtype, now)


def placed(name: str, values: Values, problem: Problem, transport: Transport) -> Any:
    """Blocks of values, one of each cell.  Raises like `distributed`."""
    give = _giver(name, values, problem.grid.shape, problem)
    return transport.place(_checked(name, give, problem), problem.case.numerics.dtype)


def said(name: str, values: Values, problem: Problem) -> str:
    """What all ranks must put alike, in words: which name, and of a number, which one.  Raises SimError where there is
    no such name, or where this is no such number.
    """
    known = [*problem.equation.fields, *problem.changeable]
    if name in problem.given and name not in known:
        raise SimError(
            f"{name} is part of an exponent, or of what was worked out beforehand, such as a product of numbers; "
            f"start the case anew with another value, or put one of {', '.join(known)}"
        )
    if name not in known:
        raise SimError(f"nothing here is called {name!r}; what can be put is {', '.join(known)}")
    if name in problem.given and problem.given[name].is_scalar:
        _numbers(name, values, problem)
        return f"{name} = {np.asarray(values, np.float64).tolist()}"
    return name


def _scalar(name: str, values: Values, problem: Problem, transport: Transport) -> Any:
    numbers, dtype = _numbers(name, values, problem), problem.case.numerics.dtype
    if numbers.ndim:
        return cast(Members, transport).per_member(numbers.tolist(), dtype)
    return jnp.asarray(numbers)


def _numbers(name: str, values: Values, problem: Problem) -> np.ndarray:
    """One number, or one a member, in the type of the fields."""
    dtype, count = problem.case.numerics.dtype, len(problem.members)
    given = None if callable(values) else _real(name, values)
    if given is None or given.shape not in ((), (count,) if count else ()):
        raise SimError(
            f"{name} is one number in this case{', or one a member' if count else ''}; to give each cell its own, "
            f"begin with a formula of the place or a file"
        )
    with np.errstate(over="ignore"):
        numbers = given.astype(dtype)
    if not (np.isfinite(numbers) & (numbers >= problem.given[name].least)).all():
        raise SimError(f"{name} is {numbers}; it must be finite in {dtype}{_at_least(problem.given[name].least)}")
    for number in given.flat:
        check_largest(f"{name} is {number:g}", abs(float(number)), dtype)
    return numbers


def _giver(name: str, values: Values, shape: tuple[int, ...], problem: Problem) -> Evaluate:
    if callable(values):
        return partial(_piece, name, values)
    return _whole(name, values, shape, problem.grid.ndim)


def _whole(name: str, values: npt.ArrayLike, shape: tuple[int, ...], ndim: int) -> Evaluate:
    """An array of all cells as a function of a place."""
    array = _real(name, values)
    if array.ndim and array.shape not in (shape, shape[-ndim:]):
        raise SimError(f"{name}: an array of the shape {array.shape} was given, and there are {shape} cells")
    everywhere = np.broadcast_to(array, shape)
    return lambda place: everywhere[place]


def _piece(name: str, function: Callable[[Box], npt.ArrayLike], place: Box) -> np.ndarray:
    found = _real(name, function(place))
    if found.shape not in ((), box_shape(place)):
        raise SimError(f"{name}: the function gave the shape {found.shape} for a place of {box_shape(place)} cells")
    return np.broadcast_to(found, box_shape(place))


def _real(name: str, values: npt.ArrayLike) -> np.ndarray:
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise SimError(f"{name}: what was given is no array ({error}); give real numbers") from None
    if np.ma.is_masked(values):
        raise SimError(
            f"{name}: {np.ma.count_masked(values):,} of the values given are masked; fill them, and put those"
        )
    if array.dtype.kind not in _REAL:
        raise SimError(f"{name}: {array.dtype} values were given; give real numbers")
    return array


def _checked(name: str, give: Evaluate, problem: Problem) -> Evaluate:
    """Asked for once a block, and checked a few layers at a time."""
    least = problem.given[name].least if name in problem.given else -math.inf

    def evaluate(box: Box) -> np.ndarray:
        found = give(box)

        def part(layers: Box) -> np.ndarray:
            inside = zip(layers, box, strict=True)
            return found[tuple(slice(some.start - every.start, some.stop - every.start) for some, every in inside)]

        return Checked(name, part, problem.grid, problem.case.numerics.dtype, least)(box)

    return evaluate


def _at_least(least: float) -> str:
    return "" if least == -math.inf else f" and at least {least:g}"
