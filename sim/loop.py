"""The loop between outputs: chunks, checks, snapshots, and the account of it all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sim import blowup, casefile, membership, progress, record
from sim.case import Case
from sim.checkpoint.keeper import Keeper, Verdict
from sim.checkpoint.restart import Restart
from sim.checkpoint.saving import Saver
from sim.checkpoint.standing import Standing
from sim.checkpoint.store import Store
from sim.chunks import Chunks
from sim.errors import SimError, Stopped
from sim.failpoints import reach
from sim.looking.monitor import Monitor
from sim.output import rundir
from sim.output.durable import write_json, write_text
from sim.output.recorder import Provenance, Recorder
from sim.output.stream import MAIN
from sim.prepared import Prepared
from sim.problem import Problem
from sim.progress import Goal, Place
from sim.result import Result
from sim.schedule import Position
from sim.signals import StopSignals
from sim.simulation import Simulation
from sim.stopping import TimeLimit
from sim.summing import Beginning, sum_up
from sim.team import Team, on_root
from sim.transport import Transport
from sim.watchdog import Watchdog


@dataclass
class OuterLoop:
    """One run's progress: what has been written, and how long things took.  All methods are collective."""

    prepared: Prepared
    directory: rundir.RunDirectory
    signals: StopSignals
    quiet: bool
    begin: float
    restart: Restart | None = None
    monitor: Monitor | None = None
    watched: int = 0
    doing: str = "starting"

    def __post_init__(self) -> None:
        self.chunks = Chunks.of(self.prepared)
        self.chunk = self.chunks.first

    @property
    def simulation(self) -> Simulation:
        return self.prepared.simulation

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
        except Stopped as stopped:
            self._write_record("stopped", {"stopped": str(stopped)})
            raise
        except SimError as error:
            # Where not even this can be written, what went wrong is still the first error.
            with suppress(SimError):
                self._write_record("failed", {"error": str(error)})
            raise
        self._write_record("complete", result.to_dict())
        return result

    def _run(self) -> Result:
        try:
            return self._to_the_end()
        except SimError:
            self._now_doing("finishing the files")
            self.output.wind_up()
            raise

    def _to_the_end(self) -> Result:
        self._now_doing("compiling the loop")
        self.simulation.compile()
        self._start(time.perf_counter() - self.begin)
        self.signals.prompt = True
        with self._reporting() as report:
            for leg in self.prepared.plan.legs():
                verdict = self._advance(leg, report)
                self._write()
                self._pause(verdict, leg.segment.end)
            self._end()
        self._now_doing("summing up")
        return sum_up(self.prepared, self.directory, self.output, self.beginning)

    def _start(self, setup_seconds: float) -> None:
        """The first output, or those there were before the checkpoint."""
        simulation, standing = self.simulation, self.restart.standing if self.restart else None
        initial = standing.initial_statistics if standing else simulation.statistics()
        self.beginning = Beginning(simulation.step, initial, simulation.source_mean(), setup_seconds)
        left = self.prepared.plan.steps
        self.goal = Goal(None if left is None else simulation.step + left, self.case.time.end)
        # One rank asks for the job's limit, and says when it is near.
        wanted = self.case.checkpoint.time_limit
        limit = TimeLimit.of_run(wanted, setup_seconds) if self.team.rank == 0 else TimeLimit(None, 0.0)
        self.keeper = Keeper(self.case.checkpoint, self.team, limit, simulation.step)
        if standing:
            self.output.go_on(standing.files)
            self.watched = len(self.output.times)
            if simulation.recording is not None:
                simulation.recording.go_on(self.directory.probes, simulation.step, self.team)
        else:
            if simulation.recording is not None:
                simulation.recording.begin(simulation)
            self._write()

    def _end(self) -> None:
        """The last output, where the end has come to lie where the run stood, and the last checkpoint."""
        segments = self.prepared.plan.segments
        self._now_doing("finishing the files")
        self.output.settle()
        if self.output.times[-1] != self.simulation.time:
            self._write()
            self.output.settle()
        self._look()
        if self.case.checkpoint.at_end and segments and self.keeper.saved_step != self.simulation.step:
            self._save(segments[-1].end)

    def _now_doing(self, what: str) -> None:
        self.doing = what
        self.watchdog.pat()

    @contextmanager
    def _reporting(self) -> Iterator[progress.Reporter]:
        begin = Place(self.simulation.step, self.simulation.time)
        silent = self.quiet or self.team.rank != 0
        report = progress.reporter(silent, self.goal, self.case.output.time_units, begin)
        if self.team.rank == 0:
            report = progress.Published(report, self.directory.progress, self.goal, begin)
        try:
            yield report
        finally:
            report.close()

    def _advance(self, leg: Position, report: progress.Reporter) -> Verdict:
        """To the next output in chunks, none of which ends in a field that is not finite; what was said at the last."""
        simulation, here = self.simulation, leg
        while True:
            before = simulation.step
            steps = min(self.chunk, here.left, self.keeper.steps_left(before))
            self._now_doing(f"taking {steps} steps from step {before}, t = {simulation.time:g}")
            here, seconds = simulation.advance(here, steps)
            taken = simulation.step - before
            reach("chunk done")
            if simulation.failed:
                self.output.settle()
                raise simulation.failure(self._kept())
            if broken := simulation.broken_cells():
                self.output.settle()
                left = f"{self._kept()}, {self._write_broken()}"
                raise SimError(blowup.message(simulation, here.segment, broken, before, left))
            self.output.poll()
            self._look()
            verdict = self.keeper.confer(seconds, simulation.step, self.signals.wish)
            # All ranks must take the same number of steps, so the slowest one's clock counts.
            self.chunk = self.chunks.next(taken, verdict.slowest)
            rate = self.problem.cells * taken / max(verdict.slowest, 1e-9)
            report.update(Place(simulation.step, simulation.time), rate)
            if here.arrived:
                return verdict
            self._pause(verdict, here)

    def _pause(self, verdict: Verdict, position: Position) -> None:
        """Between two chunks: a checkpoint where one is due, and the end of it where that is wished for."""
        step = self.simulation.step
        if verdict.due and self.keeper.saved_step != step:
            self._save(position)
        if verdict.stop and position != self.prepared.plan.segments[-1].end:
            raise Stopped(
                f"stopped by {verdict.stop} at {self.goal.said(step)}, t = {self.simulation.time:g}; "
                f"checkpointed, go on with: {rundir.resuming(self.directory.path)}"
            )

    def _save(self, position: Position) -> None:
        """A checkpoint of now, after all files that came before it."""
        self._now_doing(f"writing a checkpoint at step {self.simulation.step}")
        self.output.settle()
        self._write_probes()
        written, initial = self.output.written, self.beginning.statistics
        pacing, iterations, march = self.simulation.pacing, self.simulation.iterations, self.problem.implicit
        krylov = march.newton.krylov if march else None
        standing = Standing.of(position, self.prepared.speed, written, initial, pacing, iterations, krylov)
        begin = time.perf_counter()
        self.saver.save(self.simulation, standing)
        self.keeper.saved(self.simulation.step)
        self.output.seconds += time.perf_counter() - begin

    @cached_property
    def saver(self) -> Saver:
        table = self.case.checkpoint
        store = self.restart.store if self.restart else Store(self.directory.checkpoints, self.team, table.keep)
        return Saver(store, self.case, self.team)

    def _kept(self) -> str:
        times = self.output.times
        return f"snapshot {len(times) - 1} at t = {times[-1]:g} is the last good one"

    def _write_broken(self) -> str:
        """A snapshot of fields that are not finite, beside those that are; where it is."""
        try:
            self.output.show(self.directory.broken, self.simulation.time, self.simulation.blocks)
        except SimError as error:
            return str(error)
        return f"{self.directory.broken} shows where it broke"

    def _write(self) -> None:
        """What is due now."""
        simulation = self.simulation
        self._now_doing(f"writing at step {simulation.step}, t = {simulation.time:g}")
        if self.output.write(simulation.step, simulation.time, simulation.blocks):
            self._write_probes()
        self._look()

    def _write_probes(self) -> None:
        if self.simulation.recording is not None:
            self.simulation.recording.write(self.directory.probes, self.case, self.team)

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
        return Recorder(self.case, self.prepared.streams, self.directory.path, self.team, self.prepared.writer, origin)

    def _write_record(self, status: str, outcome: dict[str, Any] | None = None) -> None:
        def write() -> None:
            if status == "running":
                write_text(self.directory.case, casefile.to_toml(self.case.with_absolute_files()))
            write_json(self.directory.record, {"status": status, **self.provenance, **(outcome or {})})

        self._on_root_disk(write)

    @cached_property
    def provenance(self) -> dict[str, Any]:
        found = record.provenance(self.transport, self.prepared.tuning, self.prepared.writer.name)
        if self.restart is not None:
            found["resumed"] = {"step": self.restart.step, "time": self.restart.time}
        return found

    def _on_root_disk(self, write: Any) -> None:
        def guarded() -> None:
            try:
                write()
            except OSError as error:
                raise SimError(f"{self.directory.path} can't be written: {error.strerror or error}") from None

        on_root(self.team, guarded)
