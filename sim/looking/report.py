"""`python -m sim report DIR`: one HTML file with all that there is to see, which needs nothing else."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import jinja2

from sim.looking.gallery import Gallery
from sim.looking.info import summary
from sim.looking.plot import write
from sim.looking.record import Numbers
from sim.looking.recorded import Run, read_run
from sim.looking.wholeness import defects_of
from sim.looking.words import clean, duration
from sim.output.target import check_target

NAME = "report.html"
_FINDINGS_SHOWN = 50
_APART = {"command", "started", "error", "stopped"}


def report(path: Path, output: Path | None = None) -> Path:
    """Write it, by default to report.html in the run directory, and return where it is.  Raises SimError."""
    run = read_run(path)
    target = output or run.path / NAME
    check_target(target, run.path)
    write(target, render(run).encode())
    return target


def render(run: Run) -> str:
    """The page.  All words from files are escaped by the template, which has no script and loads nothing."""
    template = (resources.files("sim.looking") / "report.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    told, gallery = run.record, Gallery(run)
    return environment.from_string(template).render(
        name=clean(told.case or run.path.name),
        title=run.recording.title,
        state=run.state,
        fraction=run.fraction,
        facts=[pair for pair in summary(run) if pair[0] not in _APART],
        error=clean(told.error or told.stopped or "", 2000),
        findings=defects_of(run, values=gallery.whole)[:_FINDINGS_SHOWN],
        values_read=gallery.whole,
        pictures=list(gallery.pictures()),
        charts=list(gallery.charts()),
        statistics=_numbers(told.statistics),
        errors=_numbers(told.errors or {}),
        timings=list(_timings(run)),
        provenance=list(_provenance(run)),
        versions=[(clean(name), clean(version)) for name, version in told.versions.items()],
        case=run.case_text(),
    )


def _numbers(found: Numbers) -> list[tuple[str, str]]:
    """By field: 'max 1.2, mean 0.5, min 0.1'."""
    known = ((name, {key: value for key, value in said.items() if value is not None}) for name, said in found.items())
    return [
        (clean(name), ", ".join(f"{clean(key, 20)} {value:.8g}" for key, value in said.items())) for name, said in known
    ]


def _timings(run: Run) -> Iterator[tuple[str, str, float]]:
    """(what, how long, its share of all in percent)."""
    told = run.record
    compiling = told.compile_seconds or 0.0
    parts = [
        ("stepping", told.march_seconds),
        ("compiling", told.compile_seconds),
        ("other set-up", None if told.setup_seconds is None else max(told.setup_seconds - compiling, 0.0)),
        ("writing", told.output_seconds),
    ]
    known = [(name, seconds) for name, seconds in parts if seconds is not None]
    total = sum(seconds for _, seconds in known) or 1.0
    for name, seconds in known:
        yield name, duration(seconds), 100 * seconds / total


def _provenance(run: Run) -> Iterator[tuple[str, str]]:
    told = run.record
    rows = {
        "started": told.started,
        "command": shlex.join(told.command),
        "transport": told.transport,
        "ranks": told.ranks,
        "process grid": " × ".join(map(str, told.process_grid)),
        "ghosts, stages an exchange": told.ghost_depth,
        "tile": " × ".join(map(str, told.tile)),
        "platform": told.platform,
        "XLA flags": told.xla_flags,
        "directory": run.path.resolve(),
    }
    for name, value in rows.items():
        if value not in (None, ""):
            yield name, clean(value, 2000)
