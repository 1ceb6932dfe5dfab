"""Where a case is not valid, in the user's keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sim.case.equation import KINDS

_WALLS = ("periodic", "dirichlet", "neumann", "robin", "radiation", "outflow")
_TAGS = frozenset({"number", "formula", "file", *_WALLS, *KINDS, "python", "list", "distribution"})
"""Names of a union's members, which pydantic puts into the place of an error after the key that holds it."""


def key_at(location: Sequence[int | str]) -> str:
    """The dotted key, of the place that pydantic gives an error."""
    return ".".join(_keys([str(step) for step in location]))


def _keys(steps: Sequence[str]) -> Iterator[str]:
    after_tag = True
    for step in steps:
        # A file's table has a key of its tag's name.
        tag = step in _TAGS and not after_tag
        if not tag:
            yield step
        after_tag = tag
