"""The loop between outputs: chunks, checks, snapshots, and the account of it all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sim import casefile, membership, progress, record
from sim.case import Case, Periodic
from sim.diagnostics import inflow
from sim.errors import SimError
from sim.looking.monitor import Monitor
from sim.output import rundir
from sim.output.durable import write_json, write_text
from sim.output.recorder import Provenance, Recorder
from sim.output.stream import MAIN, Stream
from sim.output.writer import Writer
from sim.problem import Problem
from sim.result import Result
from sim.schedule import Segment
from sim.simulation import Simulation
from sim.team import Team, on_root
from sim.transport import Transport
from sim.tuning import Tuning
from sim.watchdog import Watchdog

# A chunk is one call of a compiled program.  Long enough to hide the call, short enough to be told of a
# blow-up, or of a wish to stop, soon.
_SECONDS_PER_CHUNK = 0.5
_FIRST_CHUNK = 16


@dataclass
class OuterLoop:
    """One run's progress: what has been written, and how long things took.  All methods are collective."""

    simulation: Simulation
    tuning: Tuning
    directory: rundir.RunDirectory
    streams: dict[str, Stream]
    writer: Writer
    plan: tuple[Segment, ...]
    quiet: bool
    begin: float
    monitor: Monitor | None = None
    watched: int = 0
    chunk: int = _FIRST_CHUNK
    doing: str = "starting"

    @property
    def problem(self) -> Problem:
        return self.simulation.problem

    @property
    def transport(self) -> Transport:
        return self.simulation.transport

    @property
    def case(self) -> Case:
        return self.problem.case

    @property
    def team(self) -> Team:
        return self.transport.team

    def run(self) -> Result:
        """Run to the end.  Raises SimError, on every rank alike, for what goes wrong on the way."""
        self._write_record("running")
        seconds, rank = self.case.parallel.watchdog, self.team.rank
        try:
            with Watchdog(seconds, rank, lambda: self.doing, membership.abort) as self.watchdog:
                result = self._run()
        except SimError as error:
            self._write_record("failed", {"error": str(error)})
            raise
        self._write_record("complete", result.to_dict())
        return result

    def _run(self) -> Result:
        self._now_doing("compiling the loop")
        self.simulation.compile()
        setup_seconds = time.perf_counter() - self.begin
        initial, source_mean = self.simulation.statistics(), self.simulation.source_mean()
        with self._reporting() as report:
            self._write()
            for segment in self.plan:
                self._advance(segment, report)
                self._write()
            self._now_doing("finishing the files")
            self.output.settle()
            self._look()
        self._now_doing("summing up")
        return self._result(initial, source_mean, setup_seconds)

    def _now_doing(self, what: str) -> None:
        self.doing = what
        self.watchdog.pat()

    @contextmanager
    def _reporting(self) -> Iterator[progress.Reporter]:
        total = sum(segment.steps for segment in self.plan)
        silent = self.quiet or self.team.rank != 0
        report = progress.reporter(silent, total, self.case.output.time_units)
        if self.team.rank == 0:
            report = progress.Published(report, self.directory.progress, total, self.case.time.end)
        try:
            yield report
        finally:
            report.close()

    def _advance(self, segment: Segment, report: progress.Reporter) -> None:
        """From one output to the next in chunks, none of which ends in a field that is not finite."""
        simulation = self.simulation
        done = 0
        while done < segment.steps:
            steps = min(self.chunk, segment.steps - done)
            before = simulation.step
            self._now_doing(f"taking {steps} steps from step {before}, t = {simulation.time:g}")
            seconds = simulation.advance(segment, done, steps)
            done += steps
            if broken := simulation.broken_cells():
                self.output.settle()
                raise SimError(self._blown_up(broken, before))
            self.output.poll()
            self._look()
            # All ranks must take the same number of steps, so the slowest one's clock counts.
            slowest = max(self.team.gather(seconds))
            self.chunk = _next_chunk(steps, slowest)
            cells = self.problem.grid.cells
            report.update(simulation.step, simulation.time, cells * steps / max(slowest, 1e-9))

    def _blown_up(self, broken: int, before: int) -> str:
        simulation = self.simulation
        times = self.output.times
        kept = f"snapshot {len(times) - 1} at t = {times[-1]:g} is the last good one"
        return (
            f"the field blew up: {broken} of {self.problem.grid.cells} cells are NaN or infinite at step "
            f"{simulation.step}, t = {simulation.time:g} (still finite at step {before}); {kept}; "
            f'check initial.u and equation.source, or use numerics.dtype = "float64"'
        )

    def _write(self) -> None:
        """What is due now."""
        simulation = self.simulation
        self._now_doing(f"writing at step {simulation.step}, t = {simulation.time:g}")
        fields = simulation.fields
        self.output.write(simulation.step, simulation.time, lambda name: self.transport.blocks(fields[name]))
        self._look()

    def _look(self) -> None:
        """Show the monitor the snapshot that has come to be, if one has."""
        snapshots = self.output.written[MAIN]
        count = len(snapshots.times)
        if self.monitor is not None and count > self.watched:
            self.monitor.look(count - 1, snapshots.steps[-1], self.directory.snapshot(count - 1))
        self.watched = count

    @cached_property
    def output(self) -> Recorder:
        origin = Provenance({}, {})
        if self.team.rank == 0:  # which makes the files
            origin = Provenance(record.of_results(self.case), record.of_run(self.provenance))
        return Recorder(self.case, self.streams, self.directory.path, self.team, self.writer, origin)

    def _write_record(self, status: str, outcome: dict[str, Any] | None = None) -> None:
        def write() -> None:
            if not self.directory.case.exists():
                write_text(self.directory.case, casefile.to_toml(self.case.with_absolute_files()))
            write_json(self.directory.record, {"status": status, **self.provenance, **(outcome or {})})

        self._on_root_disk(write)

    @cached_property
    def provenance(self) -> dict[str, Any]:
        return record.provenance(self.transport, self.tuning, self.writer.name)

    def _on_root_disk(self, write: Any) -> None:
        def guarded() -> None:
            try:
                write()
            except OSError as error:
                raise SimError(f"{self.directory.path} can't be written: {error.strerror or error}") from None

        on_root(self.team, guarded)

    def _result(self, initial: Any, source_mean: float, setup_seconds: float) -> Result:
        simulation = self.simulation
        statistics = simulation.statistics()
        cells = self.problem.grid.cells
        seconds = max(self.team.gather(simulation.march_seconds))
        rate = cells * simulation.step / seconds if seconds else 0.0
        return Result(
            case=self.case.name,
            directory=self.directory.path,
            transport=self.transport.name,
            ranks=self.team.size,
            process_grid=self.transport.topology.blocks,
            ghost_depth=self.tuning.steps,
            slab=self.tuning.slab,
            tuned=self.tuning.why,
            exchange_seconds=self.tuning.exchange_seconds,
            time=simulation.time,
            steps=simulation.step,
            cells=cells,
            setup_seconds=setup_seconds,
            compile_seconds=simulation.compile_seconds,
            march_seconds=seconds,
            output_seconds=self.output.seconds,
            cells_per_second=rate,
            teff=2 * np.dtype(self.case.numerics.dtype).itemsize * rate / 1e9,
            statistics=statistics,
            drift=self._drift(initial, statistics, source_mean),
            errors=simulation.errors(),
            snapshots=tuple(self.directory.snapshot(i) for i in range(len(self.output.times))),
        )

    def _drift(
        self, before: dict[str, dict[str, float]], after: dict[str, dict[str, float]], source_mean: float
    ) -> float | None:
        ring = all(isinstance(sides.lower, Periodic) for sides in self.case.boundary.axes)
        through_walls = inflow(self.case)
        if through_walls is None or not self.case.equation.conserves(ring):
            return None
        initial, final, elapsed = before["u"], after["u"], self.simulation.time
        volume = self.problem.grid.cell_volume * self.problem.grid.cells
        expected = initial["mean"] + elapsed * (source_mean + through_walls / volume)
        scale = max(abs(value) for s in (initial, final) for value in (s["min"], s["max"]))
        return abs(final["mean"] - expected) / scale if scale else 0.0


def _next_chunk(steps: int, seconds: float) -> int:
    """Steps for about half a second, even, at most four times as many as last time."""
    wanted = steps * _SECONDS_PER_CHUNK / max(seconds, 1e-9)
    return max(2, 2 * round(min(wanted, 4 * steps) / 2))
