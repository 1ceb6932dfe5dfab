"""A case that is stepped from Python, its fields in memory: to look at, or to couple with other programs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sim import blowup, casefile, distributed, membership, platform, putting
from sim.case import Case
from sim.chunks import Chunks
from sim.errors import SimError
from sim.ready import Ready, make_ready
from sim.schedule import Position, limit_of, segments, stops_of
from sim.simulation import Simulation
from sim.team import Team, agreement
from sim.topology import Box
from sim.watchdog import Watchdog
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
    """Fields that advance in time.  `advance`, `put` and `statistics` are collective: every rank calls them, and with
    the same arguments but for values; and all leave together.

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
                f"rank 0 has {done[0]}, and rank {other} has {done[other]}; all ranks call `advance`, `put` and "
                f"`statistics` in the same order, and leave together"
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
        return tuple(self._simulation.problem.given)

    @platform.arithmetic()
    def advance(self, to: float) -> None:
        """To a time, which is hit exactly, by equal steps of the case's length, or those that its errors allow.

        The bits are those of a run with an output at each of the times, unless something was put.
        Raises SimError, on all ranks alike, where the time is past or none, where fields blow up, where a step can't be
        taken, and where ranks want to go to different times.  The case's watchdog ends all ranks where one gets no
        further; what they do between their calls, and how long they wait there for each other, is the caller's affair.
        """
        self.meet("called `advance`")
        to = self._agreed_time(to)
        case = self.case
        with agreement(self._team):
            limit = limit_of(case, self._stable)
            todo = list(segments(to, None, limit, start=self.time, stops=stops_of(case)))
        with Watchdog(case.parallel.watchdog, self._team.rank, self._standing, membership.abort) as watchdog:
            for segment in todo:
                self._take(segment.begin, watchdog)

    @platform.arithmetic()
    def blocks(self, name: str) -> list[tuple[Box, np.ndarray]]:
        """Of a field, the cells that this process has: their place among all, a slice an axis, and a copy of them.

        Of an ensemble the members come first, in places and arrays.  Raises SimError where there is no such field.
        """
        self._check_field(name)
        return [(place, np.array(block)) for place, block in self._simulation.blocks(name) if block.size]

    def whole(self, name: str) -> np.ndarray:
        """All cells of a field, where one process has them: dtype[(members,) *grid.shape].  Raises SimError else."""
        if self._team.size > 1:
            raise SimError(f"{name}: no rank of {self._team.size} holds the whole field; take the parts by blocks()")
        problem = self._simulation.problem
        lead = (len(problem.members),) if problem.members else ()
        found = np.empty((*lead, *self.grid.shape), self.case.numerics.dtype)
        for place, block in self.blocks(name):
            found[place] = block
        return found

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

    @property
    def _team(self) -> Team:
        return self._simulation.transport.team

    def _standing(self) -> str:
        return f"advancing from step {self.step}, t = {self.time:g}"

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
                raise SimError(blowup.message(simulation, broken, before, _LOST))
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

    def _check_field(self, name: str) -> None:
        if name not in self.fields:
            raise SimError(f"there is no field {name!r}; there are {', '.join(self.fields)}")
