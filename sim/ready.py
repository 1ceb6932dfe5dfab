"""A case made ready to run: who takes part, how blocks reach each other, what steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from sim import distributed, fingerprint, memory, platform
from sim.acting import forced, forcings_of
from sim.adaptive import Pacing, first_step
from sim.case import Case
from sim.checkpoint.restart import Restart
from sim.costs import STEP_BY_STEP, Choice
from sim.errors import SimError
from sim.implicit import check_spectral, march_of, unit_of
from sim.masks import check_masks
from sim.problem import Problem, build
from sim.programs import keep_programs
from sim.schedule import limit_of
from sim.simulation import Simulation
from sim.stepping import Speed, integrator_of, step_of
from sim.team import MpiTeam, Team, agreement
from sim.transport import Transport, Wish, choose_transport, resolve
from sim.transport_name import Name
from sim.tuning import Tuning, tune
from solvers.integrators import Step


@dataclass(frozen=True)
class Ready:
    """What steps: a simulation, and how it came to be as it is.

    `speed` is that of the fields with which the run began, also where it goes on from others; `stable` the longest
    step that this allows.  `integrator` says what steps, and why where that was chosen here.
    """

    simulation: Simulation
    tuning: Tuning
    speed: Speed
    stable: float
    integrator: str


def make_ready(team: Team, case: Case, found: Restart | None = None) -> Ready:
    """The case on its grid and its ranks, at its beginning or where a checkpoint has it.  Collective.

    Raises SimError, on all ranks alike, for what is the user's to mend.
    """
    fingerprint.compare_cases(team, case)
    # Before an equation in Python is imported, which may use JAX.
    _configure(team, case)
    with agreement(team):
        problem = build(case)
    check_masks(team, case, problem.grid)
    connection = _connect(team, problem)
    if case.time.implicit:
        return _make_ready_solving(connection, found)
    # The step follows from the fields with which the run began, and what is fastest from the step.
    speed = found.standing.speed if found else Simulation(problem, connection.transport(STEP_BY_STEP)).speed()
    with agreement(team):
        integrator = integrator_of(case.time, problem.equation, speed)
    solving = case.integrated_by(integrator.name)
    if solving.time.implicit:
        return replace(make_ready(team, solving, found), integrator=integrator.called(integrator.name))
    with agreement(team):
        chosen = step_of(case.time, problem.equation, speed)
        stable = chosen.step.stable_step(speed.decay, speed.wave)
        stages = _stages(case, chosen.step, stable, found)
    step = forced(case, chosen.step)
    tuning = tune(connection.transport, problem.stepped_by(step), stages)
    simulation = Simulation(problem.in_tiles(tuning.tile), connection.transport(tuning.choice), found)
    simulation.settle(step, _pacing(problem, stable, found) if case.time.adaptive else None)
    return Ready(simulation, tuning, speed, stable, chosen.name)


def _make_ready_solving(connection: _Connection, found: Restart | None) -> Ready:
    """The same where steps solve systems of equations."""
    problem, transport = connection.problem, connection.aligned()
    simulation = Simulation(problem, transport, found)
    case, topology = problem.case, transport.topology
    with agreement(transport.team):
        check_spectral(case, problem.equation, problem.march.walls, topology.count)
    # A steady state is that of another end; steps go on as they began, whatever has become of the fields.
    settled = found.standing.krylov if found and not case.time.steady else None
    march = march_of(case, problem.equation, problem.march.walls, problem.grid, topology.unit, settled)
    simulation.solve_by(replace(march, forcings=forcings_of(case)), settled is not None)
    speed = found.standing.speed if found else simulation.speed()
    name = "steady" if case.time.steady else case.time.integrator
    return Ready(simulation, Tuning(1, (), "rule"), speed, math.inf, name)


def _stages(case: Case, step: Step, stable: float, found: Restart | None) -> float | None:
    """About how many are still to be taken; None where their errors decide.  Raises SimError for an unstable step."""
    limit = limit_of(case, stable)
    left = case.time.end - (found.time if found else 0.0)
    return None if limit is None else left / limit * len(step.times)


def _pacing(problem: Problem, stable: float, found: Restart | None) -> Pacing:
    """That of the beginning, or of a checkpoint."""
    if found and found.standing.pacing:
        return found.standing.pacing
    return Pacing.begin(first_step(problem.case.time, stable), len(problem.members))


class _Connection(NamedTuple):
    """How the blocks of a problem reach each other, whatever ghosts they have."""

    problem: Problem
    team: Team
    name: Name
    wish: Wish

    def transport(self, choice: Choice) -> Transport:
        """For blocks that are stepped so."""
        problem = self.problem
        ghosts = problem.in_tiles(choice.tile).ghosts(choice.stages)
        return choose_transport(self.name, self.wish, self.team, problem.grid.shape, ghosts)

    def aligned(self) -> Transport:
        """For blocks whose cells a multigrid merges."""
        plain, wish = self.transport(STEP_BY_STEP).topology, self.wish
        if plain.count > 1:
            wish = replace(wish, process_grid=plain.blocks)
        ghosts = self.problem.ghosts(1)
        return choose_transport(self.name, wish, self.team, self.problem.grid.shape, ghosts, unit_of(plain))


def _connect(team: Team, problem: Problem) -> _Connection:
    """As the case wishes, where there is room for it.  Collective."""
    parallel, spectral = problem.case.parallel, problem.case.time.integrator == "spectral"
    wish = Wish(
        parallel.transport,
        parallel.devices,
        parallel.blocks,
        problem.case.process_grid(),
        parallel.halo,
        len(problem.members) or None,
        # Products of all members' matrices at once add up in another order than those of one.
        False if spectral else parallel.members_at_once,
        parallel.members,
    )
    with agreement(team):
        name = _settle(wish, team, problem.case.numerics.reproducible)
    connection = _Connection(problem, team, name, wish)
    plain = connection.transport(STEP_BY_STEP).topology
    with agreement(team):
        memory.check_memory(problem.case, plain, team.size)
    return connection


def _configure(team: Team, case: Case) -> None:
    """Configure JAX for what the case wishes before its backend starts, and let it meet the other processes.
    Collective."""
    parallel = case.parallel
    one_device = isinstance(team, MpiTeam) and parallel.transport in ("auto", "mpi") and parallel.devices is None
    with agreement(team):
        platform.check_threads()
        platform.configure(parallel.devices, one_device=one_device, reproducible=case.numerics.reproducible)
    if parallel.transport == "xla" and isinstance(team, MpiTeam) and team.size > 1 and not distributed.is_connected():
        place = distributed.from_mpi(team)
        with agreement(team):
            distributed.connect(place, parallel.devices)


def _settle(wish: Wish, team: Team, reproducible: bool) -> Name:
    """Check that JAX's backend, which this starts, is as wished; say what "auto" is."""
    platform.check_devices(wish.devices)
    if reproducible:
        platform.check_reproducible()
    # Processes that XLA connects compile together, or else wait for one another for ever; and a program that holds
    # the address of a communicator fits no other run.
    keep_programs(not distributed.is_connected() and (not isinstance(team, MpiTeam) or team.has_lasting_handles))
    name = resolve(wish, team)
    if name == "xla" and distributed.is_connected() and distributed.processes() != team.size:
        raise SimError(
            f"XLA has connected {distributed.processes()} processes, for good, and these are {team.size} of them; "
            f"give a communicator of all, or --transport {'serial' if team.size == 1 else 'mpi'}"
        )
    return name
