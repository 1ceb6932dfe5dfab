"""Numbers of an ensemble: of all members together, and of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from sim.case import Case

Numbers: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Of each field some numbers by name: scalars, or [members]."""

_OVER_ALL: Mapping[str, Callable[[Any], Any]] = {"min": np.min, "max": np.max, "mean": np.mean, "l2": np.max}


@dataclass(frozen=True)
class Member:
    """One member of a run: its number, what it has for the keys that vary, and what came of it, as of a run alone."""

    number: int
    vary: dict[str, float | str]
    statistics: dict[str, dict[str, float]]
    errors: dict[str, dict[str, float]] | None


def overall(found: Numbers) -> dict[str, dict[str, float]]:
    """Of all members: the least min, the largest max and error, the mean of the means."""
    # By numpy, whoever has them: JAX's mean may differ in the last bit.
    return {
        name: {key: _plain(_OVER_ALL[key](np.asarray(v))) for key, v in numbers.items()}
        for name, numbers in found.items()
    }


def results_of_members(case: Case, statistics: Numbers, errors: Numbers | None) -> tuple[Member, ...]:
    """What came of each member."""
    return tuple(
        Member(
            number,
            vary,
            _of_one(statistics, number),
            _of_one(errors, number) if errors else None,
        )
        for number, vary in enumerate(case.labels())
    )


def _of_one(found: Numbers, number: int) -> dict[str, dict[str, float]]:
    return {name: {key: _plain(v[number]) for key, v in numbers.items()} for name, numbers in found.items()}


def _plain(value: Any) -> float:
    # Adding zero makes -0.0, which a maximum of negated values may leave, the same 0.0 everywhere.
    return float(value) + 0.0
