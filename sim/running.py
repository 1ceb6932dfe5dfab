"""A case that is stepped from Python, its fields in memory: to look at, or to couple with other programs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sim import blowup, casefile, distributed, membership, platform, putting
from sim.as_numpy import blocks_of, whole_of
from sim.case import Case
from sim.chunks import Chunks
from sim.errors import SimError
from sim.gradient import Gradient, Gradients, check_differentiable, check_loss, placed_data
from sim.ready import Ready, make_ready
from sim.schedule import Position, Segment, limit_of, segments, stops_of
from sim.simulation import Simulation
from sim.team import Team, agreement
from sim.topology import Box
from sim.watchdog import Watchdog
from solvers.adjoint import Density
from solvers.grid import Grid

_LOST = "its fields are lost, and nothing of it is on disk"


@contextmanager
def start(
    case: str | Path | Mapping[str, Any] | Case = casefile.DEFAULT,
    *,
    comm: Any = None,
    overrides: Sequence[str] = (),
    rendezvous: distributed.Rendezvous | None = None,
) -> Iterator[Running]:
    """A case at time 0, to be stepped by its `Running`; the arguments are those of `sim.run`.

        with sim.start("heat2d", comm=comm) as running:
            for turn in range(1, 11):
                running.advance(to=0.001 * turn)
                for place, u in running.blocks("u"):
                    ...

    Nothing is written: of [output] and [checkpoint] nothing has an effect.  Raises SimError, on every rank alike, for
    whatever is the user's to mend.
    """
    parallel = casefile.foreseen(lambda: casefile.load(case, overrides))
    with membership.assembled(comm, parallel.transport, rendezvous, parallel.devices) as team:
        with agreement(team):
            loaded = casefile.load(case, overrides)
        with platform.arithmetic():
            running = Running(make_ready(team, loaded))
        try:
            yield running
            running.meet("left the `with` of sim.start")
        except SimError as error:
            # Not all that a caller does is collective: one rank alone may ask for a field that is not there.
            membership.end_unless_all_fail(team, error)
            raise
        finally:
            running.end()


class Running:
    """Fields that advance in time.  `advance`, `put`, `gradient` and `statistics` are collective: every rank calls
    them, and with the same arguments but for values; and all leave together.

    case: as it was read.  grid: its cells, of which `grid.centres(axis, start, stop)` are the coordinates, axes being
    numbered as those of arrays are.  time: in the case's unit.  step: how many have been taken.
    """

    def __init__(self, ready: Ready) -> None:
        """Compiles the loop."""
        self._stable = ready.stable
        self._chunks = Chunks.of(ready)
        self._chunk = self._chunks.first
        self._held: Simulation | None = ready.simulation
        self._simulation.compile()
        if self._simulation.recording is not None:
            self._simulation.recording.begin(self._simulation)

    def meet(self, has: str) -> None:
        """Begin what is collective.  Raises SimError, on all ranks alike, where some have done another thing."""
        done = self._team.gather(has)
        if other := next((rank for rank, one in enumerate(done) if one != done[0]), None):
            raise SimError(
                f"rank 0 has {done[0]}, and rank {other} has {done[other]}; all ranks call `advance`, `put`, "
                f"`gradient` and `statistics` in the same order, and leave together"
            )

    def end(self) -> None:
        """Let the fields go; done by `start`, whose ranks part then."""
        self._held = None

    @property
    def _simulation(self) -> Simulation:
        if self._held is None:
            raise SimError("this simulation has ended with the `with` of sim.start; use it inside, or start another")
        return self._held

    @property
    def case(self) -> Case:
        return self._simulation.problem.case

    @property
    def grid(self) -> Grid:
        return self._simulation.problem.grid

    @property
    def time(self) -> float:
        return self._simulation.time

    @property
    def step(self) -> int:
        return self._simulation.step

    @property
    def fields(self) -> tuple[str, ...]:
        return self._simulation.problem.equation.fields

    @property
    def coefficients(self) -> tuple[str, ...]:
        """What else can be `put`: what the equation reads beside its fields."""
        return self._simulation.problem.changeable

    @platform.arithmetic()
    def advance(self, to: float) -> None:
        """To a time, which is hit exactly, by equal steps of the case's length, or those that its errors allow.

        The bits are those of a run with an output at each of the times, unless something was put.
        Raises SimError, on all ranks alike, where the time is past or none, where fields blow up, where a step can't be
        taken, and where ranks want to go to different times.  The case's watchdog ends all ranks where one gets no
        further; what they do between their calls, and how long they wait there for each other, is the caller's affair.
        """
        self.meet("called `advance`")
        todo = self._segments(self._agreed_time(to))
        with self._watched("advancing") as watchdog:
            for segment in todo:
                self._take(segment.begin, watchdog)

    @platform.arithmetic()
    def gradient(self, loss: Density, to: float, data: Mapping[str, putting.Values] | None = None) -> Gradient:
        """L = Σ loss(fields, data) over all cells at a later time, and how it hangs on the fields and coefficients now.

            def loss(fields, data):  # cell by cell, dtype[cells, …] each: what a cell adds
                return (fields["u"] - data["seen"]) ** 2

        The fields stay where they are.  data: what the loss reads beside the fields, as `put` takes values.  A function
        is compiled once, so give the same one again.  The gradient is that of the steps that `advance` takes, by the
        adjoint of each; how long they are counts as given.  For N steps some 2 √N states are kept of each block.
        Raises SimError, on all ranks alike, where steps solve systems or follow from their errors, of ensembles, and
        where the loss is not finite.
        """
        self.meet("called `gradient`")
        todo = self._segments(self._agreed_time(to))
        simulation = self._simulation
        with agreement(self._team):
            check_differentiable(simulation.problem)
            given = placed_data({} if data is None else data, simulation)
            check_loss(loss, simulation, given)
        with self._watched("taking a gradient") as watchdog:
            return self._gradients.gradient(loss, todo, given, watchdog.pat)

    @platform.arithmetic()
    def blocks(self, name: str) -> list[tuple[Box, np.ndarray]]:
        """Of a field, or a coefficient that varies, the cells that this process has: their place among all, a slice an
        axis, and a copy of them.

        Of an ensemble the members come first, in places and arrays.  Raises SimError where there is no such thing.
        """
        return blocks_of(name, self._value(name), self._simulation.transport)

    @platform.arithmetic()
    def whole(self, name: str) -> np.ndarray:
        """All its cells, where one process has them: dtype[(members,) *grid.shape]; of a coefficient that is one number
        this.  Raises SimError else."""
        return whole_of(name, self._value(name), self._simulation.transport)

    @platform.arithmetic()
    def put(self, name: str, values: putting.Values) -> None:
        """Go on with other values of a field, or of a coefficient of the equation, such as "source".

        values: a number, an array of all cells, or a function that is given the place of a block, as `blocks` gives
        it, and returns its values; ranks may have functions, and arrays where they don't own them, of their own.
        A coefficient that the case has as one number stays one.  The stable step is found anew.
        Raises SimError, on all ranks alike, for other names and shapes, and for values that are not finite, or not
        allowed; the values before then stay.
        """
        simulation = self._simulation
        self.meet("called `put`")
        with agreement(self._team):
            mine = putting.said(name, values, simulation.problem)
        wanted = self._team.gather(mine)
        if other := next((one for one in wanted if one != wanted[0]), None):
            raise SimError(f"ranks want to put different things, {wanted[0]} and {other}; agree")
        with agreement(self._team):
            now = {**simulation.fields, **simulation.coefficients}[name]
            put = putting.distributed(name, values, now, simulation.problem, simulation.transport)
        simulation.put(name, put)
        if simulation.problem.implicit is None:
            speed = simulation.speed()
            self._stable = simulation.problem.march.step.stable_step(speed.decay, speed.wave)

    @platform.arithmetic()
    def statistics(self) -> dict[str, dict[str, float]]:
        """min, max and mean of each field, of all cells and members."""
        self.meet("called `statistics`")
        return self._simulation.statistics()

    def probes(self) -> dict[str, np.ndarray]:
        """What the case's [probes] have taken so far, by name, with "time" and "step": what probes.h5 would hold."""
        recording = self._simulation.recording
        return {} if recording is None else recording.series.columns()

    @cached_property
    def _gradients(self) -> Gradients:
        return Gradients(self._simulation)

    @property
    def _team(self) -> Team:
        return self._simulation.transport.team

    def _segments(self, to: float) -> list[Segment]:
        """From now to a time."""
        case = self.case
        with agreement(self._team):
            limit = limit_of(case, self._stable)
            return list(segments(to, None, limit, start=self.time, stops=stops_of(case)))

    def _watched(self, doing: str) -> Watchdog:
        def standing() -> str:
            return f"{doing} from step {self.step}, t = {self.time:g}"

        return Watchdog(self.case.parallel.watchdog, self._team.rank, standing, membership.abort)

    def _take(self, here: Position, watchdog: Watchdog) -> None:
        """To the end of a segment in chunks, none of which ends in a field that is not finite."""
        simulation = self._simulation
        while not here.arrived:
            watchdog.pat()
            before = simulation.step
            here, seconds = simulation.advance(here, min(self._chunk, here.left))
            if simulation.failed:
                raise simulation.failure(_LOST)
            if broken := simulation.broken_cells():
                raise SimError(blowup.message(simulation, here.segment, broken, before, _LOST))
            # All ranks must take the same number of steps, so the slowest one's clock counts.
            self._chunk = self._chunks.next(simulation.step - before, max(self._team.gather(seconds)))

    def _agreed_time(self, wanted_time: Any) -> float:
        with agreement(self._team):
            try:
                to = float(wanted_time)
            except (TypeError, ValueError):
                raise SimError(f"to is the time to advance to, a number; got {wanted_time!r:.80}") from None
            if not math.isfinite(to) or to < self.time:
                raise SimError(
                    f"the simulation stands at t = {self.time:g} and can't advance to {to:g}; give a later time"
                )
        wanted = self._team.gather(to)
        if any(other != wanted[0] for other in wanted):
            raise SimError(f"ranks want to advance to different times, {min(wanted):.17g} to {max(wanted):.17g}; agree")
        return to

    def _value(self, name: str) -> Any:
        values = {**self._simulation.coefficients, **self._simulation.fields}
        if name not in values:
            raise SimError(f"there is no field {name!r}; there are {', '.join([*self.fields, *self.coefficients])}")
        return values[name]
