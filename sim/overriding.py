"""`--set KEY=VALUE`: what it changes of a case's table."""

from __future__ import annotations

import copy
import itertools
import re
import tomllib
from collections.abc import Sequence
from typing import Any

from sim.errors import SimError

# A key is one of TOML's: parts with dots between them, of which those that hold dots themselves are quoted.
_PART = r"""(?:"[^"\\]*"|'[^']*'|[^.="'\s][^.="']*)"""
_OVERRIDE = re.compile(rf"\s*({_PART}\s*(?:\.\s*{_PART}\s*)*)=(.*)", re.DOTALL)
# Keys of a side, which may be set where the case gives its kind alone.
_OF_A_SIDE = ("value", "flux", "h", "ambient", "emissivity", "sigma")


def override(table: dict[str, Any], overrides: Sequence[str]) -> None:
    """Change a table, one override after another; the last counts.  Raises SimError where one can't be understood."""
    for one in _listed(overrides):
        match = _OVERRIDE.fullmatch(one)
        if match is None:
            raise SimError(f"--set takes KEY=VALUE with a dotted key, such as time.end=2.0; got {one!r}")
        path = [part[1:-1] if part[0] in "\"'" else part.strip() for part in re.findall(_PART, match[1])]
        _apply(table, path, _value(match[2].strip(), one), one)


def _listed(overrides: Sequence[str]) -> Sequence[str]:
    if not isinstance(overrides, list | tuple) or not all(isinstance(one, str) for one in overrides):
        raise SimError(f'overrides are a list of texts, such as ["time.end=2.0", "name=mine"]; got {overrides!r:.80}')
    return overrides


def _apply(table: dict[str, Any], path: Sequence[str], value: Any, shown: str) -> None:
    for part, inner in itertools.pairwise(path):
        table[part] = _opened(table.get(part, {}), inner)
        table = table[part]
        if not isinstance(table, dict):
            raise SimError(f"--set {shown}: {part!r} is a value of the case, not a table")
    table[path[-1]] = value


def _opened(value: Any, key: str) -> Any:
    """A boundary in its short form as a table, where a key of it is to be set."""
    if key in ("lower", "upper") and (isinstance(value, str) or (isinstance(value, dict) and "kind" in value)):
        return {"lower": copy.copy(value), "upper": copy.copy(value)}
    return {"kind": value} if isinstance(value, str) and key in _OF_A_SIDE else value


def _value(text: str, shown: str) -> Any:
    """TOML where it is TOML (2.0, true, { kind = "periodic" }), else the text itself (a formula, a name)."""
    try:
        value, *more = tomllib.loads(f"value = {text}").items()
    except (ValueError, RecursionError):
        return text
    if more:
        raise SimError(f"--set takes one KEY=VALUE; give {more[0][0]!r} a --set of its own; got {shown!r:.200}")
    return value[1]
