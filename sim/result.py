"""What a run returns, and its summary in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sim.adaptive import Adapted
from sim.costs import tile_text
from sim.ensemble import Member
from sim.jsonable import jsonable


@dataclass(frozen=True)
class Result:
    """The outcome of a run; the same on every rank.

    `ghost_depth` is in stages an exchange, `exchange_seconds` what one took where that was measured, `tile` the
    cells stepped together in cache along the first axes (0: all; none: whole blocks), `tuned` why these
    (`sim.tuning.Tuning`).
    `directory` is absolute, `time` in the case's unit, `*_seconds` in seconds; `teff` is the effective throughput
    2 · bytes of the field · steps / march_seconds in GB/s.  `drift` is the change of the field's integral that its
    boundaries and source do not explain, relative to max|u| · volume; None where they do not determine it.
    `iterations` are those of Newton's and of Krylov's method, in all; None where nothing was solved.
    `adapted` says how steps were chosen that followed from their errors.
    `errors` is the difference from the exact solution at the end; None where none is known.
    Of an ensemble `cells`, `statistics` and rates are of all members together, `errors` of the one that differs most;
    `members` has each one's.
    """

    case: str
    directory: Path
    transport: str
    ranks: int
    process_grid: tuple[int, ...]
    ghost_depth: int
    tile: tuple[int, ...]
    tuned: str
    exchange_seconds: float | None
    integrator: str
    time: float
    steps: int
    cells: int
    setup_seconds: float
    compile_seconds: float
    march_seconds: float
    output_seconds: float
    cells_per_second: float
    teff: float
    statistics: dict[str, dict[str, float]]
    drift: float | None
    errors: dict[str, dict[str, float]] | None
    iterations: dict[str, int] | None
    adapted: Adapted | None
    snapshots: tuple[Path, ...]
    members: tuple[Member, ...] | None = None

    @property
    def series(self) -> Path:
        """The file that holds all snapshots as one field over time."""
        return self.directory / "results.h5"

    def to_dict(self) -> dict[str, Any]:
        """JSON's types only; a number beyond what floats hold, such as an overflown mean, is None."""
        plain: dict[str, Any] = jsonable(asdict(self))
        plain["directory"] = str(self.directory)
        plain["snapshots"] = [str(path) for path in self.snapshots]
        plain["results"] = str(self.series)
        return plain

    def summary(self) -> str:
        grid = " × ".join(map(str, self.process_grid))
        lines = [
            f"{self.case}: t = {self.time:.6g} after {self.steps:,} steps of {self.cells:,} cells",
            f"  ran on    {self.transport}, {self.ranks} rank{'s' * (self.ranks > 1)}, blocks {grid}",
            f"  steps by  {self.integrator}",
            f"  ghosts    {self._tuning()}",
            f"  speed     {self.cells_per_second:.4g} cells/s, T_eff {self.teff:.3g} GB/s",
            f"  seconds   {self.march_seconds:.2f} stepping, {self.compile_seconds:.2f} compiling, "
            f"{self.output_seconds:.2f} writing",
        ]
        if self.adapted is not None:
            shortest, longest = self.adapted.shortest, self.adapted.longest
            lines.append(f"  lengths   {shortest:.3g} to {longest:.3g}; {self.adapted.rejected:,} more steps rejected")
        if self.iterations is not None:
            krylov, newton = self.iterations["krylov"], self.iterations["newton"]
            lines.append(f"  solver    {krylov:,} iterations in {newton:,} systems")
        if self.members is not None:
            lines.append(f"  members   {len(self.members)}; numbers are of all together, each one's are in the files")
        for name, s in self.statistics.items():
            lines.append(f"  {name:<9} min {s['min']:.8g}, max {s['max']:.8g}, mean {s['mean']:.8g}")
        if self.drift is not None:
            lines.append(f"  drift     {self.drift:.2e} of max|u| · volume")
        for name, e in (self.errors or {}).items():
            lines.append(f"  error     {name} against the exact solution: l2 {e['l2']:.3e}, max {e['max']:.3e}")
        count = len(self.snapshots)
        lines.append(f"  results   {self.series} ({count} snapshot{'s' * (count != 1)})")
        return "\n".join(lines)

    def _tuning(self) -> str:
        said = f"{self.ghost_depth} stage{'s' * (self.ghost_depth > 1)} an exchange"
        if self.exchange_seconds:
            said += f" (it takes {self.exchange_seconds * 1e6:.0f} µs)"
        if any(self.tile):
            said += f", in tiles of {tile_text(self.tile)}"
        how = {"measured": ", the fastest of those tried", "kept": ", the fastest of those tried earlier"}
        return said + how.get(self.tuned, "")
