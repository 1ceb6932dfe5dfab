"""The members of an ensemble as cases of their own."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from sim.case.source import FileSource, Source

# Tables of which keys may vary; the rest is the same for all, or known when compiling.
_HEADS = ("initial", "equation", "exact")

if TYPE_CHECKING:
    from sim.case.whole import Case


def members_of(case: Case) -> tuple[Case, ...]:
    """Each member as it would be alone; () of a case without an ensemble.

    Raises ValueError, naming the member, where it is none.
    """
    if case.ensemble is None:
        return ()
    for key in case.ensemble.vary:
        if key.partition(".")[0] not in _HEADS or "." not in key:
            raise ValueError(
                f"ensemble.vary: {key} can't vary: all members share one program, one grid and one time step; "
                f"what can vary is initial.<field>, exact.<field>, and numbers and fields of the equation, such as "
                f"equation.alpha"
            )
    table = case.model_dump(exclude_none=True, exclude={"ensemble"})
    return tuple(_member(case, table, number, own) for number, own in enumerate(case.ensemble.assignments()))


def _member(case: Case, table: dict[str, Any], number: int, assignment: dict[str, Source]) -> Case:
    own = copy.deepcopy(table)
    for key, value in assignment.items():
        *path, last = key.split(".")
        inner = own
        for part in path:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise ValueError(f"ensemble.vary: {key} can't vary: {part} is a value, not a table")
        inner[last] = value.model_dump(exclude_none=True) if isinstance(value, BaseModel) else value
    try:
        return type(case).model_validate(own).based_at(case.base)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        given = ", ".join(f"{key} = {shown(value)!r:.80}" for key, value in assignment.items())
        where = ".".join(str(step) for step in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"ensemble: member {number}, of {given}: {where + ': ' if where else ''}{message}") from None


def shown(value: Source) -> float | str:
    """A member's value for a file or a table: a number, or a text."""
    return value.file if isinstance(value, FileSource) else value
