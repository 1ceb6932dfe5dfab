"""A problem in motion: the distributed fields, the compiled programs, and the clock."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sim import adaptive, diagnostics, implicit
from sim.adaptive import Pacing
from sim.checkpoint.restart import Restart
from sim.ensemble import Member, Numbers, overall, results_of_members
from sim.errors import SimError
from sim.fingerprint import compare, of_program
from sim.problem import Problem
from sim.recording import ProbeRecording
from sim.schedule import Position, Segment
from sim.stepping import Speed
from sim.team import agreement
from sim.topology import Box
from sim.transport.protocol import Compiled, Transport, is_scalar
from solvers.adaptive import AdaptiveMarch, Pace
from solvers.fields import Fields
from solvers.implicit.march import ImplicitMarch
from solvers.integrators import Step
from solvers.march import March
from solvers.observing import Sampler
from solvers.rounds import Buffers, Clock


class Simulation:
    """Holds two copies of each field, here and in the making, and advances them.

    All methods are collective.  `compile_seconds` and `march_seconds` say where the time went.
    """

    def __init__(self, problem: Problem, transport: Transport, restart: Restart | None = None) -> None:
        """Evaluates the initial fields, or reads those of a restart.

        Raises SimError, on every rank alike, where their values are bad.
        """
        self.problem = problem
        self.transport = transport
        self.step = restart.step if restart else 0
        self.time = restart.time if restart else 0.0
        self.compile_seconds = 0.0
        self.march_seconds = 0.0
        self.iterations = Counter(restart.standing.iterations if restart else {})
        self.broken_members: list[int] = []
        self._programs: dict[str, Compiled] = {}
        self._used: set[str] = set()
        with agreement(transport.team):
            found = restart.fields(transport) if restart else None
        self._fields = found or problem.initial(transport)
        self.coefficients = self._with_halos(problem.coefficients(transport))
        self._buffers: Buffers | None = None
        self.recording: ProbeRecording | None = None
        self.pacing: Pacing | None = None

    def settle(self, step: Step, pacing: Pacing | None = None) -> None:
        """Take this step from now on, all alike or at a pace that follows from errors, and the case's probes."""
        self.problem = self.problem.stepped_by(step)
        self.pacing = pacing
        self.recording = ProbeRecording.of(self.problem.case, self.problem.march, in_the_loop=pacing is None)

    def solve_by(self, march: ImplicitMarch, settled: bool = False) -> None:
        """Take steps that solve systems from now on, by the Krylov method that these need, unless that is `settled`.

        Raises SimError, on all ranks alike, where the case insists on another method.
        """
        if not settled:
            clock = Clock.of(implicit.first_time(self.problem.case, self.time), 0, 1.0)
            found = self._call("asymmetry", march.asymmetry, (), self._fields, self.coefficients, clock)[1]
            march = implicit.suited(march, self.problem.case, np.asarray(found["asymmetry"]))
        self.problem = replace(self.problem, implicit=march)
        self.recording = ProbeRecording.of(self.problem.case, self.problem.march, in_the_loop=False)

    def compile(self) -> None:
        """Make room for the loop and compile it, by taking no steps at all, once all have seen that it is the same.

        Raises SimError, on all ranks alike, where their programs would not meet.
        """
        self._buffers = self._loop.buffers(self._fields)
        name, program, nothing = self._taking_none()
        compiled: Any = self._program(name, program, (0,))
        compare(self.transport.team, of_program(compiled.trace(self._buffers, self.coefficients, *nothing)))
        self._march(name, program, *nothing)

    @property
    def _loop(self) -> March | ImplicitMarch | AdaptiveMarch:
        return self.problem.loop if self.pacing is None else self.problem.adaptive

    def put(self, name: str, values: Any) -> None:
        """Go on with other values of a field, blocks like those it has, or of a coefficient, whatever it is."""
        if name in self.coefficients:
            others = [other for other, given in self.problem.given.items() if given.same_as == name]
            same = {other: jax.tree.map(jnp.copy, values) for other in others}
            self.coefficients = {**self.coefficients, **self._with_halos({name: values, **same})}
        else:
            self._fields = {**self.fields, name: values}
            self._buffers = self._loop.buffers(self._fields)

    def _taking_none(self) -> tuple[str, Callable[..., Any], Any]:
        """The loop's program, and the arguments by which it takes no steps."""
        if self.pacing is not None:
            return "advance", self.problem.adaptive.advance, self._until(0.0, 0)
        return "even", self.problem.loop.even, (Clock.of(0.0, 0, 0.0), jnp.int64(0))

    @property
    def fields(self) -> Fields:
        now = self._fields if self._buffers is None else self._buffers.now
        return {name: now[name] for name in self.problem.equation.fields}

    @property
    def state(self) -> Fields:
        """The fields, and what else the next step depends on."""
        march = self.problem.implicit
        if march is None or self._buffers is None:
            return self.fields
        return {**self.fields, **{name: self._buffers.now[name] for name in march.step.registers}}

    def blocks(self, name: str) -> Iterator[tuple[Box, np.ndarray]]:
        """The blocks of a field that live in this process, as they are now."""
        return self.transport.blocks(self.state[name])

    def speed(self, where_finite: bool = False) -> Speed:
        """How fast the fields as they are can change, those of any member, in any cell or `where_finite`."""
        problem, now = self.problem, jnp.float64(self.time)
        program = diagnostics.fastest(problem.equation, problem.march.walls, problem.grid, where_finite)
        found = self._call(f"rates, {where_finite}", program, (), self.fields, self.coefficients, now)[1]
        return Speed(float(np.max(found["decay"])), float(np.max(found["wave"])))

    def advance(self, here: Position, steps: int) -> tuple[Position, float]:
        """Take at most `steps` steps, and the records among them; return the position they lead to, and seconds."""
        segment, before = here.segment, self.step
        advance = self.take if self.recording is None else partial(self.recording.advance, self)
        seconds = advance(segment, here.done, steps)
        return segment.at(here.done + self.step - before, self.time), seconds

    def take(self, segment: Segment, first: int, steps: int) -> float:
        """Take steps first … first + steps - 1 of a segment, without records; return the seconds that took.

        Fewer are taken where lengths follow from errors and the segment's end is near, or where a step can't be found.
        """
        if self.pacing is not None:
            return self._take_adaptively(segment, steps)
        march = self.problem.loop
        begin, stages = first * march.stages, steps * march.stages
        elapsed = 0.0
        if even := stages - stages % 2 * march.in_pairs:
            elapsed += self._march("even", march.even, Clock.of(segment.start, begin, segment.dt), jnp.int64(even))
        if isinstance(march, March) and stages % 2:
            elapsed += self._march("single", march.single, Clock.of(segment.start, begin + even, segment.dt))
        # Implicit ones may come to an end before, at a step that nothing solves for.
        taken = steps if isinstance(march, March) else int(np.min(self._said["taken"]))
        self._arrive(segment, first + taken, taken, elapsed)
        return elapsed

    def _take_adaptively(self, segment: Segment, steps: int) -> float:
        assert self.pacing is not None
        elapsed = self._march("advance", self.problem.adaptive.advance, *self._until(segment.stop, steps))
        self.pacing = self.pacing.after(self._said)
        # Of members that have not come as far as others the time counts, and of those that took more the steps.
        self.step += int(np.max(self._said["taken"]))
        self.time = min(self.pacing.time)
        self.march_seconds += elapsed
        return elapsed

    def _until(self, stop: float, steps: int) -> tuple[Pace, jax.Array, jax.Array]:
        assert self.pacing is not None
        return self._pace(self.pacing), jnp.float64(stop), jnp.int64(steps)

    def _pace(self, pacing: Pacing) -> Pace:
        return pacing.to_program(self.transport, alone=not self.problem.members)

    def take_recording(self, sampler: Sampler, segment: Segment, first: int, records: int) -> tuple[float, np.ndarray]:
        """The steps to so many records, and their rows: float64[records, (members,) 1 + observations]."""
        clock = Clock.of(segment.start, first * self.problem.march.stages, segment.dt)
        elapsed = self._march("record", sampler.record, clock, jnp.int64(records))
        steps = records * sampler.every
        self._arrive(segment, first + steps, steps, elapsed)
        return elapsed, np.moveaxis(np.asarray(self._said), -2, 0)[:records]

    def observe(self, sampler: Sampler, time: float) -> np.ndarray:
        """A row of the fields as they are: float64[(members,) 1 + observations].

        Members with steps of their own are where these have led them, whatever the `time` of all.
        """
        now = jnp.float64(time) if self.pacing is None else self._pace(self.pacing).time
        row = np.asarray(self._call("observe", sampler.observe, (), self.fields, self.coefficients, now)[1])
        times = time if self.pacing is None else np.reshape(self.pacing.time, (*row.shape[:-1], 1))
        return np.concatenate([np.broadcast_to(times, (*row.shape[:-1], 1)), row], axis=-1)

    def _arrive(self, segment: Segment, done: int, steps: int, seconds: float) -> None:
        self.step += steps
        self.time = segment.stop if done == segment.steps else segment.start + done * segment.dt
        self.march_seconds += seconds

    @property
    def failed(self) -> bool:
        """Whether a step could not be taken, because nothing solves for it or no length of it will do."""
        solves = self.problem.implicit is not None or self.pacing is not None
        return solves and bool(np.any(self._said["failed"]))

    def failure(self, kept: str) -> SimError:
        """What to raise then; `kept` says what is left."""
        if self.pacing is not None:
            return adaptive.failure(self._said, self.pacing, self.problem.case, kept)
        return implicit.failure(self._said, self.problem.case, self.time, kept)

    def broken_cells(self) -> int:
        """Cells of all fields that are not finite any more."""
        counts = self._call("blow_up", diagnostics.blow_up(), (), self.fields)[1]
        of_each = sum(np.asarray(count) for count in counts.values())
        self.broken_members = [int(number) for number in np.flatnonzero(of_each)] if self.problem.members else []
        return int(np.sum(of_each))

    def statistics(self) -> dict[str, dict[str, float]]:
        """min, max and mean of each field, of all members together."""
        return overall(self._statistics())

    def members(self) -> tuple[Member, ...] | None:
        """The same of each member, and the errors."""
        if not self.problem.members:
            return None
        return results_of_members(self.problem.case, self._statistics(), self._errors())

    def _statistics(self) -> Numbers:
        program = diagnostics.statistics(self.problem.grid.cells)
        found: Numbers = self._call("statistics", program, (), self.fields)[1]
        return found

    def source_mean(self) -> float:
        """Mean over the grid of what the equation's source adds to u per time, where the balance is known."""
        if not diagnostics.balances(self.problem.case) or "source" not in self.coefficients:
            return 0.0
        source = {"source": self.coefficients["source"]}
        program = diagnostics.statistics(self.problem.grid.cells)
        return float(np.mean(self._call("source", program, (), source)[1]["source"]["mean"]))

    def errors(self) -> dict[str, dict[str, float]] | None:
        """l2 and max of each field's difference from the exact solution now, or None where none is known.

        Of members, those of the one that differs most.
        """
        found = self._errors()
        return overall(found) if found else None

    def _errors(self) -> Numbers | None:
        if not self.problem.each[0].case.exact:
            return None
        exact = self.problem.exact(self.transport, self.time)
        program = diagnostics.errors(self.problem.grid.cells)
        found: Numbers = self._call("errors", program, (), self.fields, exact)[1]
        return found

    def _with_halos(self, coefficients: Fields) -> Fields:
        """No step changes coefficients, so neither their ghosts; deep halos compute with them."""
        fill = self.problem.fill_coefficients
        # One by one: of some each member has its own, and others they share.
        varying = [name for name, c in coefficients.items() if not is_scalar(c)]
        filled = {name: self._call("halos", fill, (0,), {name: coefficients[name]})[0][name] for name in varying}
        return {**coefficients, **filled}

    def _march(self, name: str, program: Callable[..., Any], *arguments: Any) -> float:
        """Run a program on the buffers; seconds spent stepping (none by the first call, which compiles)."""
        compiles = name not in self._used
        self._used.add(name)
        begin = time.perf_counter()
        self._buffers, self._said = self._call(name, program, (0,), self._buffers, self.coefficients, *arguments)
        jax.block_until_ready(self._buffers)
        seconds = time.perf_counter() - begin
        if self.problem.implicit is not None:
            self.iterations.update(implicit.iterations(self._said))
        if compiles:
            self.compile_seconds += seconds
            return 0.0
        return seconds

    def _call(self, name: str, program: Callable[..., Any], donate: tuple[int, ...], *arguments: Any) -> Any:
        return self._program(name, program, donate)(*arguments)

    def _program(self, name: str, program: Callable[..., Any], donate: tuple[int, ...]) -> Compiled:
        """One jitted function a run for each program.

        Not compiled ahead of time: such programs lose the token that keeps mpi4jax's calls in order.
        """
        if name not in self._programs:
            self._programs[name] = self.transport.compile(program, donate)
        return self._programs[name]
