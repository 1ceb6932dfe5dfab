"""The members of an ensemble as cases of their own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sim.case.ensemble import EnsembleTable
from sim.case.location import key_at
from sim.case.source import FileSource, Source

# Tables of which keys may vary; the rest is the same for all, or known when compiling.
_HEADS = ("initial", "equation", "exact")

One = TypeVar("One")


def members_of(ensemble: EnsembleTable, table: dict[str, Any], as_case: Callable[[dict[str, Any]], One]) -> list[One]:
    """Each member of a case as it would be alone; `table` is that case without its ensemble.

    Raises ValueError, naming the member, where it is none.
    """
    for key in ensemble.vary:
        if key.partition(".")[0] not in _HEADS or "." not in key or key == "equation.kind":
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
    given = ", ".join(f"{key} = {_shown(value)!r:.80}" for key, value in assignment.items())
    where = key_at(first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"{given}: {where + ': ' if where else ''}{message}"


def _shown(value: Source) -> float | str:
    return value.file if isinstance(value, FileSource) else value


def labels_of(ensemble: EnsembleTable, base: Path) -> list[dict[str, float | str]]:
    """What each member has for the keys that vary, as a file or a table says it: numbers and texts.

    A file is its name; where two of a key share one, each is its absolute path.  Relative ones start at `base`.
    """
    assignments = list(ensemble.assignments())
    columns = {key: _labels([assignment[key] for assignment in assignments], base) for key in ensemble.vary}
    return [{key: column[number] for key, column in columns.items()} for number in range(len(assignments))]


def _labels(values: list[Source], base: Path) -> list[float | str]:
    # From where files lie: a run that goes on has them with absolute paths, and labels are to stay.
    places = [_place(value, base) if isinstance(value, FileSource) else value for value in values]
    files = {place for place, value in zip(places, values, strict=True) if isinstance(value, FileSource)}
    names: dict[float | str, str] = {place: PurePath(str(place)).name for place in files}
    return [names.get(place, place) for place in places] if len(set(names.values())) == len(names) else places


def _place(source: FileSource, base: Path) -> str:
    return source.file if source.package is not None else str((base / source.file).resolve())
