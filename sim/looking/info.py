"""`python -m sim info DIR`: what ran, where it is, and whether it is whole."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.text import Text

from sim.errors import SimError
from sim.jsonable import jsonable
from sim.looking.field import Field
from sim.looking.recorded import Run, read_run
from sim.looking.wholeness import Defect, defects_of, leftovers
from sim.looking.words import clean, count, duration, in_units, quantity

EXIT_NOT_WHOLE = 1
COLOURS = {
    "complete": "green",
    "running": "cyan",
    "stopped": "yellow",
    **dict.fromkeys(("failed", "died", "silent"), "bold red"),
}
_DEFECTS_SHOWN = 20
_COLUMN = 13
_MOST_CHECKPOINTS = 1000


def info(path: Path, as_json: bool = False, quick: bool = False) -> int:
    """Print it; 0 where all that the run names is there and well, 1 where not.  Raises SimError where there is none."""
    run = read_run(path)
    defects = _examined(run, quick)
    if as_json:
        print(json.dumps(jsonable(to_dict(run, defects, not quick)), allow_nan=False), flush=True)
    else:
        Console(soft_wrap=True, highlight=False).print(_told(run, defects, quick))
    return EXIT_NOT_WHOLE if defects else 0


def to_dict(run: Run, defects: list[Defect], values_read: bool) -> dict[str, Any]:
    recording = run.recording
    return {
        "directory": str(run.path),
        "status": run.state,
        "error": run.record.error,
        "case": run.record.case,
        "title": recording.title,
        "step": run.step,
        "time": run.time,
        "fraction": run.fraction,
        "last_heard_seconds": run.silent if run.state in ("running", "silent") else None,
        "times": [frame.time for frame in recording.frames],
        "time_units": recording.time_units,
        "fields": {f.name: {"shape": f.shape, "dtype": str(f.dtype), "units": f.units} for f in fields_of_run(run)},
        "checkpoints": checkpoints(run),
        "whole": not defects,
        "values_read": values_read,
        "findings": [{"file": defect.file, "fact": defect.fact} for defect in defects],
        "leftovers": leftovers(run),
        "record": json.loads(run.record.model_dump_json()),
    }


def fields_of_run(run: Run) -> list[Field]:
    """The fields of its first snapshot that can be read."""
    for frame in run.recording.frames:
        if frame.is_there:
            try:
                return list(frame.fields().values())
            except SimError:
                continue
    return []


def checkpoints(run: Run) -> list[str]:
    folder = run.path / "checkpoints"
    if not folder.is_dir():
        return []
    names = [entry.name for entry in folder.iterdir() if not entry.name.startswith(".")]
    # By step, and of many the last.
    ordered = sorted(names, key=lambda name: (int(name) if name.isdecimal() and len(name) < 20 else -1, name))
    return [clean(name) for name in ordered[-_MOST_CHECKPOINTS:]]


def summary(run: Run) -> Iterator[tuple[str, str]]:
    """What ran and where it is, as pairs of words."""
    told, units = run.record, run.recording.time_units
    if run.time is not None:
        steps = f" after {count(run.step, 'step')}" if run.step is not None else ""
        yield "time", f"t = {quantity(run.time, units)}{steps}{_of_the_end(run)}"
    if run.state == "running" and run.silent is not None:
        yield "last heard", f"{duration(run.silent)} ago"
    if run.state == "silent":
        yield "silent", str(run.unheard)
    if told.error:
        yield "error", clean(told.error, 1000)
    if told.stopped:
        yield "stopped", clean(told.stopped, 1000)
    for field in fields_of_run(run):
        cells = " × ".join(f"{n:,}" for n in field.shape)
        yield "field", f"{in_units(_named(field), field.units)}, {cells} cells, {field.dtype}"
    if told.transport:
        grid = " × ".join(map(str, told.process_grid))
        ranks = "" if told.ranks is None else f", {count(told.ranks, 'rank')}"
        yield "ran on", f"{clean(told.transport)}{ranks}, blocks {grid}, {clean(told.platform)}"
    if told.teff is not None and told.cells_per_second is not None:
        yield "speed", f"{told.cells_per_second:.4g} cells/s, T_eff {told.teff:.3g} GB/s"
    if told.started:
        yield "started", clean(told.started)
    if told.command:
        yield "command", clean(shlex.join(told.command), 1000)
    frames = run.recording.frames
    yield (
        "snapshots",
        f"{len(frames)}"
        + (f", t = {quantity(frames[0].time, '1')} … {quantity(frames[-1].time, units)}" if frames else ""),
    )
    if names := checkpoints(run):
        yield "checkpoints", f"{len(names)}: {', '.join(names[-3:])}"


def _named(field: Field) -> str:
    return field.name if field.name == field.long_name else f"{field.name}, {field.long_name}"


def _of_the_end(run: Run) -> str:
    if run.fraction is None or run.state == "complete":
        return ""
    end = f" of t = {quantity(run.progress.end, run.recording.time_units)}" if run.progress else ""
    return f", {run.fraction:.1%}{end}"


def _told(run: Run, defects: list[Defect], quick: bool) -> Group:
    head = Text.assemble(
        (clean(run.record.case or run.path.name), "bold"), "  ", (run.state, COLOURS.get(run.state, "yellow"))
    )
    if run.recording.title not in ("", run.record.case):
        head.append(f"  {run.recording.title}", "dim")
    rows = [*summary(run), *(("left over", f"{name}, half-written; it can be deleted") for name in leftovers(run))]
    told = [Text.assemble((f"  {key:<{_COLUMN}}", "dim"), said) for key, said in rows]
    verdict = [Text("  whole" + (" (values not read)" if quick else ": all is there, fits and is finite"), "green")]
    if defects:
        verdict = [Text(f"  not whole: {count(len(defects), 'finding')}", "bold red")]
        verdict += [Text(f"    {clean(f.file)}  {f.fact}") for f in defects[:_DEFECTS_SHOWN]]
    if len(defects) > _DEFECTS_SHOWN:
        verdict.append(Text(f"    and {len(defects) - _DEFECTS_SHOWN} more; --json has them"))
    return Group(head, *told, *verdict)


def _examined(run: Run, quick: bool) -> list[Defect]:
    if quick or not sys.stderr.isatty():
        return defects_of(run, values=not quick)
    with Console(stderr=True).status("reading") as status:
        return defects_of(run, watch=lambda what: status.update(f"reading {what}"))
