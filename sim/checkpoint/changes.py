"""What differs between the case of a checkpoint and that with which its run is to go on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sim.case import Case
from sim.casefile import flat
from sim.output.rundir import EXTRA
from sim.output.stream import MAIN, Stream, streams_of

# What may change between a run and its continuation: none of it changes what is computed up to its end.
_FREE = ("title", "equation.folder", "time.end", "output.", "parallel.", "checkpoint.")

# Of an output: when it is written and how it is packed, and other outputs; not what its files hold.
_NOT_OF_CONTENT = ("every", "compress", "extra")


def as_json(case: Case) -> dict[str, Any]:
    """A case as JSON has it, to be read from anywhere."""
    return case.with_absolute_files().model_dump(mode="json", exclude_none=True)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """'equation.alpha: 0.1 → 0.2' for each key that may not differ and does."""
    for key, line in _changed(old, new):
        if not key.startswith(_FREE):
            yield line


def differences_of_series(old: Case, new: Case, begun: Iterable[str]) -> Iterator[str]:
    """'output.stride.x: 2 → 4' for each key by which later files of the series begun would not be like the first.

    One that is asked for no more stays as it is.
    """
    before, after = (streams_of(case, case.equation.fields) for case in (old, new))
    for name in begun:
        if name in before and name in after and _content(old, before[name]) != _content(new, after[name]):
            # Labels and types that extra outputs share are the snapshots' too, and said with these.
            for _, line in _changed(*(_asked(case, name) for case in (old, new))):
                yield line


def _content(case: Case, stream: Stream) -> tuple[Stream, str, str]:
    """All that the files of a stream say of what is in them."""
    return replace(stream, every=None), case.output.length_units, case.output.time_units


def _asked(case: Case, name: str) -> dict[str, Any]:
    """What a case says of the content of a stream's files, as a part of it."""
    table, extra = as_json(case)["output"], name.removeprefix(f"{EXTRA}/")
    own = table if name == MAIN else table["extra"][extra]
    kept = {key: value for key, value in own.items() if key not in _NOT_OF_CONTENT}
    return {"output": kept if name == MAIN else {"extra": {extra: kept}}}


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each key that differs, and how."""
    before, after = dict(flat(old)), dict(flat(new))
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            shown = (repr(table[key]) if key in table else "nothing" for table in (before, after))
            yield key, f"{key}: {' → '.join(shown)}"
