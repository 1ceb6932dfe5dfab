"""The members of an ensemble as cases of their own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sim.case.ensemble import EnsembleTable
from sim.case.source import FileSource, Source

# Tables of which keys may vary; the rest is the same for all, or known when compiling.
_HEADS = ("initial", "equation", "exact")

One = TypeVar("One")


def members_of(ensemble: EnsembleTable, table: dict[str, Any], as_case: Callable[[dict[str, Any]], One]) -> list[One]:
    """Each member of a case as it would be alone; `table` is that case without its ensemble.

    Raises ValueError, naming the member, where it is none.
    """
    for key in ensemble.vary:
        if key.partition(".")[0] not in _HEADS or "." not in key:
            raise ValueError(
                f"ensemble.vary: {key} can't vary: all members share one program, one grid and one time step; "
                f"what can vary is initial.<field>, exact.<field>, and numbers and fields of the equation, such as "
                f"equation.alpha"
            )
    found = []
    for number, assignment in enumerate(ensemble.assignments()):
        own = _with(table, assignment)
        try:
            found.append(as_case(own))
        except ValidationError as error:
            raise ValueError(f"ensemble: member {number}, of {_explained(assignment, error)}") from None
    return found


def _with(table: dict[str, Any], assignment: dict[str, Source]) -> dict[str, Any]:
    """A copy of a table with other values for some keys."""
    own = copy.deepcopy(table)
    for key, value in assignment.items():
        *path, last = key.split(".")
        inner = own
        for part in path:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise ValueError(f"ensemble.vary: {key} can't vary: {part} is a value, not a table")
        inner[last] = value.model_dump(exclude_none=True) if isinstance(value, BaseModel) else value
    return own


def _explained(assignment: dict[str, Source], error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    given = ", ".join(f"{key} = {shown(value)!r:.80}" for key, value in assignment.items())
    where = ".".join(str(step) for step in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"{given}: {where + ': ' if where else ''}{message}"


def shown(value: Source) -> float | str:
    """A member's value for a file or a table: a number, or a text."""
    return value.file if isinstance(value, FileSource) else value
