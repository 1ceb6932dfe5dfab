"""`python -m sim verify`: one case by every transport, each a program of its own, and the fields compared."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeAlias

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sim import casefile
from sim.errors import SimError
from sim.launcher import launched
from sim.subprocesses import (
    Finished,
    clean_environment,
    find_mpirun,
    run_bounded,
    run_together,
    why_no_mpirun,
)

_SECONDS_PER_RUN = 300.0
_SLAB_BYTES = 16 << 20
_TABLE_COLUMNS = 110
_COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("transport", "left"),
    ("ranks × devices", "right"),
    ("process grid", "right"),
    ("ghost depth", "right"),
    ("T_eff GB/s", "right"),
    ("SHA-256 of the field", "left"),
    ("equal", "left"),
)


@dataclass(frozen=True)
class Way:
    """A way to run a case: its name, the options of `sim run`, and who starts how many processes.

    `needs` are the modules without which it can't be had.
    """

    name: str
    options: str
    ranks: int = 1
    devices: int = 1
    start: Literal["alone", "mpirun", "by hand"] = "alone"
    needs: tuple[str, ...] = ()


_MPI = ("mpi4py", "mpi4jax")
WAYS = (
    Way("serial", "--transport serial"),
    Way("virtual, 4 blocks", "--transport virtual --blocks 4"),
    Way("xla, ppermute", "--transport xla --devices 4 --halo ppermute", devices=4),
    Way("xla, psum", "--transport xla --devices 4 --halo psum", devices=4),
    Way("auto-sharded", "--transport auto-sharded --devices 4", devices=4),
    *(Way("mpi", "--transport mpi", ranks, start="mpirun", needs=_MPI) for ranks in (2, 3, 4)),
    Way("hybrid", "--transport hybrid --devices 2", 2, 2, "mpirun", _MPI),
    Way("xla, by mpirun", "--transport xla --devices 2", 2, 2, "mpirun", ("mpi4py",)),
    Way("xla, by hand", "--transport xla --devices 1", 2, 1, "by hand"),
)


@dataclass(frozen=True)
class Variant:
    """A case to run all ways."""

    name: str
    case: str
    overrides: tuple[str, ...] = ()


_SMALL = ("grid.x.cells=61", "grid.y.cells=47", "time.end=0.005", "output.every=1.0")
VARIANTS = (
    Variant("heat2d 61 × 47, float64", "heat2d", (*_SMALL, 'numerics.dtype="float64"')),
    Variant(
        "heat2d 61 × 47, float32, periodic in y, Dirichlet and Neumann in x, with a source",
        "heat2d",
        (
            *_SMALL,
            'numerics.dtype="float32"',
            'boundary.x={lower={kind="dirichlet", value=1.5}, upper={kind="neumann", flux=-20.0}}',
            'boundary.y="periodic"',
            'equation.source="100 * x * cos(2 * pi * y)"',
        ),
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What came of one variant run one way.

    status: "ran"; "absent", what it needs is not here; or "failed".  `why` explains the latter two.
    equal: whether the final field is serial's to the bit; None where there is nothing to compare.
    """

    variant: str
    transport: str
    ranks: int
    devices: int
    status: Literal["ran", "absent", "failed"]
    why: str = ""
    process_grid: tuple[int, ...] = ()
    ghost_depth: int | None = None
    teff: float | None = None
    sha256: str | None = None
    equal: bool | None = None


Runner: TypeAlias = Callable[[Way, Variant, Path], Outcome]


def verify(case: str | None = None, as_json: bool = False) -> int:
    """Run a case, by default two small ones, by every transport that works here; print what came of it.

    Returns the exit status: 0 where serial ran, nothing failed, and all final fields are the same to the bit.
    Raises SimError where it is itself started by a launcher, or the case can't serve.
    """
    launch = launched()
    if launch is not None and launch.size > 1:
        raise SimError(
            f"verify starts its ranks itself, and {launch.launcher} has started {launch.size} of it; "
            f"run it without a launcher"
        )
    variants = VARIANTS if case is None else (_variant_of(case),)
    outcomes = compare(variants, WAYS, run_way)
    print_json(outcomes) if as_json else print_tables(outcomes)
    return 0 if all_equal(outcomes) else 1


def compare(variants: Sequence[Variant], ways: Sequence[Way], run: Runner) -> list[Outcome]:
    """All variants, each all ways, with its field compared to the serial one's."""
    found = []
    with TemporaryDirectory(prefix="sim-verify-") as folder, _status() as say:
        for v, variant in enumerate(variants):
            group = []
            for w, way in enumerate(ways):
                say(f"{variant.name}: {way.name}, {way.ranks} × {way.devices}")
                group.append(run(way, variant, Path(folder) / f"{v}-{w}"))
            found += _judged(group)
    return found


def all_equal(outcomes: Sequence[Outcome]) -> bool:
    """Whether serial ran, of each variant, and whatever ran gave its field."""
    variants = {outcome.variant for outcome in outcomes}
    serial = {o.variant for o in outcomes if o.transport == "serial" and o.status == "ran"}
    unequal = [o for o in outcomes if o.status == "failed" or (o.status == "ran" and not o.equal)]
    return bool(variants) and serial == variants and not unequal


def run_way(way: Way, variant: Variant, folder: Path) -> Outcome:
    """Run a case in a new `folder`, each process bounded in time."""
    head = (variant.name, way.name, way.ranks, way.devices)
    if way.start == "mpirun" and (obstacle := why_no_mpirun(way.needs)):
        return Outcome(*head, "absent", obstacle)
    folder.mkdir()
    finished = _start(way, variant, folder)
    for process in finished:
        if process.returncode != 0:
            return Outcome(*head, "failed", process.complaint())
    try:
        result = json.loads(finished[0].stdout.splitlines()[-1])
        digest = field_digest(folder / "run" / "snapshots" / Path(result["snapshots"][-1]).name)
    except (ValueError, LookupError, OSError) as error:
        return Outcome(*head, "failed", f"its result can't be read: {error}")
    grid = tuple(result["process_grid"])
    blocks = math.prod(grid)
    wanted = 4 if "--blocks" in way.options else way.ranks * way.devices
    if blocks != wanted or result["ranks"] != way.ranks:
        return Outcome(*head, "failed", f"it ran {blocks} blocks on {result['ranks']} ranks, not {wanted}")
    return Outcome(*head, "ran", "", grid, result["ghost_depth"], result["teff"], digest)


def field_digest(snapshot: Path) -> str:
    """SHA-256 of the bytes of all fields of a snapshot, in the order of their names; read slab by slab."""
    import h5py

    digest = hashlib.sha256()
    with h5py.File(snapshot) as file:
        fields = [file[name] for name in sorted(file) if isinstance(file[name], h5py.Dataset)]
        for field in fields:
            if not field.is_scale:
                for slab in _slabs(field):
                    digest.update(slab)
    return digest.hexdigest()


def _slabs(field: Any) -> Iterator[bytes]:
    """The bytes of (time, [z,] y, x) in C order, some layers of the second axis at a time."""
    layer = field.dtype.itemsize * math.prod(field.shape[2:])
    count = max(1, _SLAB_BYTES // layer)
    for start in range(0, field.shape[1], count):
        yield field[:, start : start + count].tobytes()


def _start(way: Way, variant: Variant, folder: Path) -> list[Finished]:
    options = [*way.options.split(), "--json", "--output", str(folder / "run")]
    for override in variant.overrides:
        options += ["--set", override]
    command = [sys.executable, "-m", "sim", "run", variant.case, *options]
    # To the bit is a promise for the CPU; its devices are virtual.
    env = {"JAX_PLATFORMS": "cpu", **clean_environment()}
    if way.start == "by hand":
        from sim.distributed import _free_port

        meet = ["--coordinator", f"127.0.0.1:{_free_port()}", "--processes", str(way.ranks)]
        commands = [[*command, *meet, "--process", str(process)] for process in range(way.ranks)]
        return run_together(commands, _SECONDS_PER_RUN, env, cwd=folder)
    if way.start == "mpirun":
        command = [find_mpirun() or "mpirun", "-n", str(way.ranks), *command]
    return [run_bounded(command, _SECONDS_PER_RUN, env, cwd=folder)]


def _variant_of(name: str) -> Variant:
    """The user's case as it is.  Raises SimError where it can't be read, or says itself where to run."""
    parallel = casefile.load(name).parallel
    fixed = [key for key in ("devices", "blocks", "process_grid") if getattr(parallel, key) is not None]
    if fixed:
        raise SimError(f"case {name} fixes parallel.{fixed[0]}, which verify varies; take it out of the case")
    return Variant(name, name if name in casefile.builtin_names() else str(Path(name).resolve()))


def _judged(group: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes of one variant, told whether each equals the serial one."""
    serial = next((o.sha256 for o in group if o.transport == "serial" and o.status == "ran"), None)
    return [replace(o, equal=o.sha256 == serial) if o.status == "ran" and serial is not None else o for o in group]


@contextmanager
def _status() -> Iterator[Callable[[str], None]]:
    """Says on a terminal what is being waited for; anywhere else nothing."""
    with Console(stderr=True).status("") as status:
        yield lambda text: status.update(text)


def print_json(outcomes: Sequence[Outcome]) -> None:
    print(json.dumps({"equal": all_equal(outcomes), "runs": [asdict(o) for o in outcomes]}), flush=True)


def print_tables(outcomes: Sequence[Outcome]) -> None:
    console = Console(width=None if sys.stdout.isatty() else _TABLE_COLUMNS)
    for variant in dict.fromkeys(o.variant for o in outcomes):
        table = Table(title=variant, title_justify="left")
        for heading, justify in _COLUMNS:
            table.add_column(heading, justify=justify)
        for outcome in outcomes:
            if outcome.variant == variant:
                table.add_row(*map(escape, _row(outcome)))
        console.print(table)
    ran = sum(o.status == "ran" for o in outcomes)
    verdict = "the same to the bit" if all_equal(outcomes) else "NOT all the same"
    print(f"{ran} of {len(outcomes)} runs: {verdict}", flush=True)


def _row(outcome: Outcome) -> tuple[str, ...]:
    head = (outcome.transport, f"{outcome.ranks} × {outcome.devices}")
    if outcome.status != "ran":
        label = "can't run here" if outcome.status == "absent" else "FAILED"
        return (*head, "", "", "", f"{label}: {outcome.why}", "")
    return (
        *head,
        " × ".join(map(str, outcome.process_grid)),
        str(outcome.ghost_depth),
        f"{outcome.teff or 0.0:.3g}",
        (outcome.sha256 or "")[:16],
        {True: "yes", False: "NO", None: "?"}[outcome.equal],
    )
