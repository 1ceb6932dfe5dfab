"""The case that verify runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sim import casefile
from sim.errors import SimError

# Large enough for speeds to mean something, small enough to take no time; prime numbers of cells, so that blocks
# are uneven; each kind of wall, and a source.
_OWN = """
name = "transports"
title = "heat with a source, periodic in y, Dirichlet and Neumann walls in x"
grid = { x = { cells = 523 }, y = { cells = 509 } }
equation = { alpha = 1.0, source = "100 * x * cos(2 * pi * y)" }
initial = { u = "100 * sin(pi * x) + 10 * cos(2 * pi * y)" }
time = { end = 0.004 }
numerics = { dtype = "float32" }
[boundary]
x = { lower = { kind = "dirichlet", value = 1.5 }, upper = { kind = "neumann", flux = -20.0 } }
y = "periodic"
"""


@dataclass(frozen=True)
class Subject:
    """A case by the name under which `sim run` finds it, its number of axes, and a line that says what it is."""

    case: str
    ndim: int
    title: str


def own_subject(folder: Path) -> Subject:
    """Our own case, written into `folder`."""
    path = folder / "transports.toml"
    path.write_text(_OWN, encoding="utf-8")
    return _described(str(path))


def users_subject(name: str) -> Subject:
    """The user's case as it is.  Raises SimError where it can't be read, or says itself where to run."""
    parallel = casefile.load(name).parallel
    for key in ("devices", "blocks", "process_grid"):
        if getattr(parallel, key) is not None:
            raise SimError(f"case {name} fixes parallel.{key}, which verify varies; take it out of the case")
    return _described(name if name in casefile.builtin_names() else str(Path(name).resolve()))


def _described(case: str) -> Subject:
    loaded = casefile.load(case)
    cells = " × ".join(str(axis.cells) for axis in loaded.grid.axes)
    title = f"{loaded.name}, {cells} cells, {loaded.numerics.dtype}: {loaded.title}".rstrip(": ")
    return Subject(case, loaded.ndim, title)
