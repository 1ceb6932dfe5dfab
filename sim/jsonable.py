"""What JSON can hold of a value."""

from __future__ import annotations

import math
from typing import Any


def jsonable(value: Any) -> Any:
    """The same with None for each float that is NaN or infinite, which JSON doesn't know, in dicts and sequences too.

    Tuples become lists.
    """
    if isinstance(value, dict):
        return {key: jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
