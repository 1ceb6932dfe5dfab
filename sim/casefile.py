"""Case files: TOML to a Case and back, built-in cases, overrides."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit
from pydantic import BaseModel, ValidationError
from tomlkit.items import Table as TomlTable

from sim.case import AxisTable, Case, FileSource, ParallelTable, ProcessGrid
from sim.case.location import key_at
from sim.errors import SimError
from sim.overriding import override

DEFAULT = "heat2d"
_LARGEST_FILE = 1 << 20


def builtin_names() -> list[str]:
    folder = resources.files("sim") / "cases"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load(case: str | Path | Mapping[str, Any] | Case, overrides: Sequence[str] = ()) -> Case:
    """A case by built-in name, file, table or as it is, with `key.key=value` overrides applied.

    A table may hold numpy's numbers and lists, tuples and paths.  Raises SimError in the user's terms.
    """
    if isinstance(case, Case):
        table, base, origin = case.model_dump(exclude_none=True), case.base, f"case {case.name}"
    elif isinstance(case, Mapping):
        table, base, origin = _plain_table(case), Path(), "the case"
    elif isinstance(case, str | PathLike):
        table, base, origin = _read(case)
    else:
        raise SimError(f"a case is a built-in name, a TOML file, a table of its keys or a sim.Case; got {case!r:.80}")
    override(table, overrides)
    return validate(table, origin).based_at(base)


def foreseen(load: Callable[[], Case]) -> ParallelTable:
    """What the case says of where to run; one that can't be read is left for all ranks to complain of together."""
    try:
        return load().parallel
    except SimError:
        return ParallelTable()


def validate(table: Mapping[str, Any], origin: str) -> Case:
    try:
        return Case.model_validate(table)
    except ValidationError as error:
        raise SimError("\n".join([f"{origin} is not valid:", *_explain(error)])) from None


def _plain_table(table: Mapping[Any, Any]) -> dict[Any, Any]:
    return {key: _plain_value(value) for key, value in table.items()}


def _plain_value(value: Any) -> Any:
    """What TOML would have given: a Python number of numpy's or JAX's, a list of their arrays along one axis."""
    if isinstance(value, Mapping):
        return _plain_table(value)
    if isinstance(value, list | tuple):
        return [_plain_value(one) for one in value]
    if isinstance(value, PathLike):
        return str(value)
    if hasattr(value, "__array__") and not isinstance(value, type) and np.ndim(value) <= 1:
        # What is masked becomes None, and is refused.
        return np.ma.asarray(value).tolist()
    return value


def _read(name: str | Path) -> tuple[dict[str, Any], Path, str]:
    path = Path(name)
    if str(name) in builtin_names():
        text = (resources.files("sim") / "cases" / f"{name}.toml").read_text(encoding="utf-8")
        base = Path()
    else:
        text, base = _read_text(path, str(name)), path.resolve().parent
    origin = f"case {name}"
    try:
        return tomllib.loads(text), base, origin
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SimError(f"{origin} is not TOML: {error}") from None


def _read_text(path: Path, name: str) -> str:
    known = ", ".join(builtin_names())
    try:
        if not path.is_file():
            raise SimError(f"unknown case {name!r:.200}: neither a file nor a built-in case; built in are {known}")
        if path.stat().st_size > _LARGEST_FILE:
            raise SimError(f"case {name} has {path.stat().st_size} bytes; a case file has at most {_LARGEST_FILE}")
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SimError(f"case {name:.200} can't be read as UTF-8 text: {error!s:.200}; built in are {known}") from None


def _explain(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        key = key_at(problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        given = problem["input"]
        shown = (
            ""
            if isinstance(given, (dict, BaseModel)) or problem["type"] == "missing"
            else f"; got {' '.join(repr(given).split()):.80}"
        )
        if problem["type"] == "extra_forbidden":
            message, shown = "unknown key; check the spelling (--print-config shows all keys)", ""
        yield f"  {key + ': ' if key else ''}{message}{shown}"


def to_toml(case: Case) -> str:
    """The whole case as TOML, defaults included, each key explained: something to start from.

    Raises SimError where it is longer than what `load` takes: a run could not go on with it.
    """
    document = tomlkit.document()
    _fill(document, case)
    text = tomlkit.dumps(document)
    if (size := len(text.encode())) > _LARGEST_FILE:
        raise SimError(
            f"case {case.name} is {size} bytes long when written out; a case file has at most {_LARGEST_FILE}: "
            f"shorten its lists and texts, or give fields as files"
        )
    return text


def flat(table: Mapping[str, Any], head: str = "") -> Iterator[tuple[str, Any]]:
    """('equation.alpha', 0.1) and so on: the values of a case's table, and of the tables in it."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{head}{key}.")
        else:
            yield f"{head}{key}", value


def _fill(table: tomlkit.TOMLDocument | TomlTable, model: BaseModel) -> None:
    # Plain values first: in TOML what follows a [table] belongs to it.
    entries = [(name, getattr(model, name), info.description) for name, info in type(model).model_fields.items()]
    entries += [(name, value, None) for name, value in (model.model_extra or {}).items()]
    for name, value, description in entries:
        if value is None or value == {}:
            table.add(tomlkit.comment(f"{name} = …  {description or ''}".rstrip()))
        elif isinstance(value, dict) or (isinstance(value, list) and (not value or isinstance(value[0], BaseModel))):
            continue
        elif not isinstance(value, BaseModel):
            item = _plain(value)
            table.add(name, item.comment(description) if description else item)
    for name, value, description in entries:
        if isinstance(value, BaseModel):
            table.add(name, _as_item(value, description))
        elif isinstance(value, dict) and value:
            table.add(name, _as_named(value, description))
        elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
            entries_of_it = tomlkit.aot()
            for entry in value:
                dumped = entry.model_dump(exclude_none=True)
                entries_of_it.append(tomlkit.item({key: _plain(part) for key, part in dumped.items()}))
            table.add(name, entries_of_it)


def _as_item(model: BaseModel, description: str | None) -> Any:
    leaf = not any(isinstance(getattr(model, name), BaseModel) for name in type(model).model_fields)
    if (leaf and len(type(model).model_fields) <= 4 and "kind" in type(model).model_fields) or _is_short(model):
        inline = tomlkit.inline_table()
        inline.update(model.model_dump(exclude_none=True))
        return inline.comment(description) if description else inline
    inner = tomlkit.table()
    _fill(inner, model)
    return inner


def _as_named(values: dict[str, Any], description: str | None) -> Any:
    """A table whose keys the user chooses."""
    named = tomlkit.table()
    if description:
        named.comment(description)
    for name, value in values.items():
        named.add(name, _as_item(value, None) if isinstance(value, BaseModel) else _plain(value))
    return named


def _plain(value: Any) -> Any:
    """A value without models in it.  To tomlkit a list is the work of its length squared, unless it reads it."""
    if isinstance(value, list | tuple) and value and not any(isinstance(one, dict) for one in value):
        return tomlkit.value(f"[{', '.join(_plain(one).as_string() for one in value)}]")
    return tomlkit.item(value)


def _is_short(model: BaseModel) -> bool:
    return isinstance(model, AxisTable | FileSource | ProcessGrid)
