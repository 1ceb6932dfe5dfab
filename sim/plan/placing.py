"""How many fields a case has, seen without making any."""

from __future__ import annotations

from typing import Any, cast

import jax
import numpy as np
import numpy.typing as npt

from sim.problem import Problem
from sim.transport.protocol import Evaluate, Transport


class _Counting:
    """In a transport's place where fields are placed: notes that there is one, and evaluates nothing."""

    def place(self, evaluate: Evaluate, dtype: npt.DTypeLike) -> Any:
        return jax.ShapeDtypeStruct((0, 0), np.dtype(dtype))


def fields_of(problem: Problem) -> tuple[int, int]:
    """Fields that evolve, and those that are only read, as whole blocks.

    Raises SimError where a field's file can't be read or doesn't fit the grid.
    """
    counting = cast(Transport, _Counting())
    read = problem.coefficients(counting).values()
    return len(problem.initial(counting)), sum(coefficient.ndim > 0 for coefficient in read)
