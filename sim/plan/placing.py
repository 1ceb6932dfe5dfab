"""How many arrays a case takes, seen without making any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import jax
import numpy as np
import numpy.typing as npt

from sim.problem import Problem
from sim.team import Solo
from sim.transport.protocol import Evaluate, Transport


class _Counting:
    """In a transport's place where fields are placed: notes how many arrays each takes, and evaluates nothing."""

    team = Solo()

    def __init__(self, members: int) -> None:
        self._members = members

    def place(self, evaluate: Evaluate, dtype: npt.DTypeLike) -> Any:
        return jax.ShapeDtypeStruct((1,), np.dtype(dtype))

    def place_each(self, evaluates: Sequence[Evaluate], dtype: npt.DTypeLike) -> Any:
        return jax.ShapeDtypeStruct((self._members,), np.dtype(dtype))

    def per_member(self, numbers: Sequence[float], dtype: npt.DTypeLike) -> Any:
        return jax.ShapeDtypeStruct((), np.dtype(dtype))


def arrays_of(problem: Problem, members: int) -> int:
    """Arrays that so many members, of an ensemble or 1, take: fields as they are and will be, registers, coefficients.

    Raises SimError where a field's file can't be read or doesn't fit the grid.
    """
    counting = cast(Transport, _Counting(members))
    evolving = 2 * sum(field.size for field in problem.initial(counting).values())
    read = sum(given.size for given in problem.coefficients(counting).values() if given.ndim > 0)
    return evolving + len(problem.march.step.registers) * members + read
