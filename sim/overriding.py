"""`--set KEY=VALUE`: what it changes of a case's table."""

from __future__ import annotations

import copy
import itertools
import re
import tomllib
from collections.abc import Collection, Sequence
from typing import Any

from pydantic import BaseModel

from sim.case.boundary import SIDES
from sim.case.equation import EQUATIONS, kind_of
from sim.errors import SimError

# A key is one of TOML's: parts with dots between them, of which those that hold dots themselves are quoted.
_PART = r"""(?:"[^"\\]*"|'[^']*'|[^.="'\s][^.="']*)"""
_OVERRIDE = re.compile(rf"\s*({_PART}\s*(?:\.\s*{_PART}\s*)*)=(.*)", re.DOTALL)
# Keys of a side, which may be set where the case gives its kind alone.
_OF_A_SIDE = ("kind", "value", "flux", "h", "ambient", "emissivity", "sigma")

# What a solution is of; beside these an axis' cells, which it does not know.
_OF_THE_PROBLEM = {"grid", "equation", "initial", "boundary", "sources", "regions", "ensemble"}


def override(table: dict[str, Any], overrides: Sequence[str]) -> None:
    """Change a table, one override after another; the last counts.  Raises SimError where one can't be understood."""
    given: set[tuple[str, ...]] = set()
    for one in _listed(overrides):
        path, text = _parted(one)
        value = _value(text, one)
        inner = _inner(table, path, one)
        if path[-1] == "kind" and isinstance(value, str):
            _forget(inner, value, {key for *place, key in given if tuple(place) == path[:-1]})
        inner[path[-1]] = value
        given.add(path)


def doubt(exact: Collection[str], overrides: Sequence[str]) -> str | None:
    """What to say of a case's exact solutions where overrides may have made its problem another one; None: nothing."""
    paths = [path for path, _ in map(_parted, _listed(overrides))]
    changes = [".".join(path) for path in paths if path[0] in _OF_THE_PROBLEM and path[-1] != "cells"]
    if not exact or not changes or any(path[0] == "exact" for path in paths):
        return None
    return (
        f"the error is against [exact] as the case has it, and {', '.join(changes)} may make it another problem's: "
        f"set exact.{next(iter(exact))} too, or exact={{}} for none"
    )


def _parted(one: str) -> tuple[tuple[str, ...], str]:
    """The parts of an override's key, and the text of its value."""
    match = _OVERRIDE.fullmatch(one)
    if match is None:
        raise SimError(f"--set takes KEY=VALUE with a dotted key, such as time.end=2.0; got {one!r}")
    path = tuple(part[1:-1] if part[0] in "\"'" else part.strip() for part in re.findall(_PART, match[1]))
    return path, match[2].strip()


def _listed(overrides: Sequence[str]) -> Sequence[str]:
    if not isinstance(overrides, list | tuple) or not all(isinstance(one, str) for one in overrides):
        raise SimError(f'overrides are a list of texts, such as ["time.end=2.0", "name=mine"]; got {overrides!r:.80}')
    return overrides


def _inner(table: dict[str, Any], path: Sequence[str], shown: str) -> dict[str, Any]:
    """The table that holds the last key of a path, made where there is none."""
    for part, inner in itertools.pairwise(path):
        table[part] = _opened(table.get(part, {}), inner)
        table = table[part]
        if not isinstance(table, dict):
            raise SimError(f"--set {shown}: {part!r} is a value of the case, not a table")
    return table


def _forget(table: dict[str, Any], kind: str, given: Collection[str]) -> None:
    """Drop what a wall or an equation of the old kind was told, and one of the new can't be; not what is given."""
    old, new = _model(kind_of(table)), _model(kind_of({"kind": kind}))
    if old is None or new is None or old is new:
        return
    of_old = {key for key in table if key in old.model_fields or old.model_config.get("extra") == "allow"}
    for key in of_old - set(new.model_fields) - set(given):
        del table[key]


def _model(kind: Any) -> type[BaseModel] | None:
    """Of the kinds of walls and equations, which have no name in common."""
    return next((model for name, model in (*SIDES.items(), *EQUATIONS.items()) if name == kind), None)


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
