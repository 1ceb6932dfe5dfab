"""`python -m sim compare A B`: are two runs the same, and if not, how far apart?"""

from __future__ import annotations

import json
import math
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sim.errors import SimError
from sim.jsonable import jsonable
from sim.looking.difference import FieldDifference, difference
from sim.looking.field import Field
from sim.looking.recorded import Frame, Recording, read_recording
from sim.looking.words import clean, count

EXIT_DIFFERS = 1
# Times that are closer than this, relatively, are one time.
_ROUNDING = 1e-12
_ROWS = 40


@dataclass(frozen=True)
class RunDifference:
    """`differences` of what both have; `alone` says what only one of them has."""

    differences: tuple[FieldDifference, ...]
    alone: tuple[str, ...]

    @property
    def same_bytes(self) -> bool:
        return not self.alone and all(each.same_bytes for each in self.differences)

    def within(self, tolerance: float | None) -> bool:
        return not self.alone and all(each.within(tolerance) for each in self.differences)


def compare(a: Path, b: Path, field: str | None = None, tolerance: float | None = None, as_json: bool = False) -> int:
    """Compare runs, or HDF5 files, at the times and in the fields that both have; print it.

    Returns 0 where all is the same to the byte, or, given a tolerance, max |b − a| ≤ tolerance · max |a| for each
    field and time; 1 where not, or where one has times or fields that the other lacks.  Raises SimError where they
    can't be compared.
    """
    if tolerance is not None and not 0 <= tolerance < math.inf:
        raise SimError(f"--tolerance takes a number from 0 on, relative to max |A|; got {tolerance}")
    found = _compared(read_recording(a), read_recording(b), field)
    if as_json:
        print(json.dumps(jsonable(_to_dict(found, tolerance)), allow_nan=False), flush=True)
    else:
        _print(found, tolerance)
    return 0 if found.within(tolerance) else EXIT_DIFFERS


def _compared(a: Recording, b: Recording, field: str | None) -> RunDifference:
    both, alone = _paired(a, b)
    if not both:
        raise SimError(f"{clean(a.path)} and {clean(b.path)} have no time in common; compare runs of one case")
    differences = []
    for left, right in both:
        fields, others = left.fields(), right.fields()
        if field is None:
            named = ((name, "A" if name in fields else "B") for name in sorted(fields.keys() ^ others.keys()))
            alone += [f"{clean(name)!r} only in {side} at t = {left.time:g}" for name, side in named]
        for name in [name for name in fields if name in others] if field is None else [field]:
            pair = _named(name, left, fields), _named(name, right, others)
            differences.append(difference(*pair, left.time))
    if not differences:
        raise SimError(f"{clean(a.path)} and {clean(b.path)} have no field in common; compare runs of one case")
    return RunDifference(tuple(differences), tuple(alone))


def _named(name: str, frame: Frame, fields: dict[str, Field]) -> Field:
    if name not in fields:
        raise SimError(f"{clean(frame.path)} has no field {name!r:.100}; it has {clean(', '.join(fields))}")
    return fields[name]


def _paired(a: Recording, b: Recording) -> tuple[list[tuple[Frame, Frame]], list[str]]:
    """Frames of the same time, and what there is of frames alone.  Both recordings are in the order of time."""
    lefts, rights = deque(a.present()), deque(b.present())
    missing = ((name, len(r.frames) - len(there)) for name, r, there in (("A", a, lefts), ("B", b, rights)))
    alone = [f"{count(number, 'snapshot')} of {name} missing" for name, number in missing if number]
    both = []
    while lefts or rights:
        if lefts and rights and math.isclose(lefts[0].time, rights[0].time, rel_tol=_ROUNDING):
            both.append((lefts.popleft(), rights.popleft()))
        elif lefts and (not rights or lefts[0].time < rights[0].time):
            alone.append(f"t = {lefts.popleft().time:g} only in A")
        else:
            alone.append(f"t = {rights.popleft().time:g} only in B")
    return both, alone


def _print(found: RunDifference, tolerance: float | None) -> None:
    table = Table(
        "field",
        "t",
        "rms of B − A",
        "max |B − A|",
        "of max |A|",
        "bytes",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for column in table.columns[1:5]:
        column.justify = "right"
    shown = found.differences[-_ROWS:]
    for each in shown:
        numbers = (f"{each.time:g}", f"{each.l2:.3e}", f"{each.max:.3e}", f"{each.relative:.1e}")
        bytes_ = (
            Text("same", "green") if each.same_bytes else Text("differ", "" if each.within(tolerance) else "bold red")
        )
        table.add_row(Text(clean(each.field)), *numbers, bytes_)
    console = Console(soft_wrap=True, highlight=False)
    if len(shown) < len(found.differences):
        console.print(f"the last {len(shown)} of {len(found.differences)}; --json has all")
    console.print(table)
    for fact in found.alone[:_ROWS]:
        console.print(Text(fact, "bold red"))
    print(_verdict(found, tolerance), flush=True)


def _verdict(found: RunDifference, tolerance: float | None) -> str:
    if found.same_bytes:
        return "the same: every byte of every field (SHA-256)"
    worst = max(found.differences, key=lambda each: each.relative)
    told = f"at most {worst.relative:.1e} of max |A|, in {clean(worst.field)} at t = {worst.time:g}"
    if found.within(tolerance):
        return f"the same within {tolerance:g}: they differ by {told}"
    if found.alone and all(each.within(tolerance) for each in found.differences):
        return f"different: {found.alone[0]}; what both have is the same"
    return f"different: {told}"


def _to_dict(found: RunDifference, tolerance: float | None) -> dict[str, Any]:
    return {
        "same_bytes": found.same_bytes,
        "within_tolerance": found.within(tolerance),
        "tolerance": tolerance,
        "only_in_one": list(found.alone),
        "differences": [
            {
                "field": each.field,
                "time": each.time,
                "l2": each.l2,
                "max": each.max,
                "relative": each.relative,
                "same_bytes": each.same_bytes,
                "sha256": list(each.digests),
            }
            for each in found.differences
        ],
    }
