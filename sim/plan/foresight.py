"""What a run would be refused for, and how it would step, before any rank is started."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import jax.numpy as jnp

from sim.case import Case
from sim.implicit import check_spectral
from sim.masks import check_masks
from sim.output.stream import streams_of
from sim.plan.placing import arrays_of
from sim.problem import Problem, Variant
from sim.schedule import Plan, plan_of
from sim.simulation import Simulation
from sim.stepping import Speed, Stepping, integrator_of, step_of
from sim.team import Solo
from sim.topology import Ghosts, Topology, choose_topology
from sim.transport import Wish, choose_transport
from sim.transport.choice import spreads
from solvers.patch import Patch
from solvers.rounding import Rounding

# Of all members: fields of so many cells are made within a second or two, in some hundred megabytes.
_CELLS = 1 << 22


@dataclass(frozen=True)
class Foreseen:
    """What is known of a run before it is started.

    case: with the integrator that steps it, where that is known.  speed: that of the fields at time 0; None where it
    depends on fields that are too large to be made here, or where systems are solved.  stepping: how explicit steps are
    taken, where that is known.  plan: all that is to be done; without a speed, of the given step, assumed to be stable.
    """

    case: Case
    speed: Speed | None = None
    stepping: Stepping | None = None
    plan: Plan | None = None


def foresee(problem: Problem, places: int) -> Foreseen:
    """What a run on so many ranks, or devices, asks of its case before it steps, its memory apart.

    Raises SimError with what that run would say, as far as it can be known here: where the grid can't be cut so, where
    files aren't there or have another shape, where nothing steps the case so or its step is unstable; and of a grid
    that isn't too large, where values are bad.
    """
    case, equation = problem.case, problem.equation
    topology = topology_of(problem, places, 1)
    arrays_of(problem, 1)
    streams_of(case, equation.fields)
    made = _made(problem)
    if case.time.implicit:
        check_spectral(case, equation, problem.march.walls, topology.count)
        return Foreseen(case, plan=plan_of(case, math.inf))
    speed = _speed_of(problem, made)
    if speed is None:
        return _assumed(problem)
    integrator = integrator_of(case.time, equation, speed)
    solving = case.integrated_by(integrator.name)
    if solving.time.implicit:
        return foresee(replace(problem, case=solving), places)
    stepping = step_of(case.time, equation, speed)
    return Foreseen(case, speed, stepping, plan_of(case, stepping.step.stable_step(speed.decay, speed.wave)))


def _assumed(problem: Problem) -> Foreseen:
    """As if a given step were stable."""
    case, time = problem.case, problem.case.time
    plan = plan_of(case, math.inf) if time.adaptive or time.step is not None else None
    by_speed = time.integrator.startswith("rkl") and time.step is not None and time.stages is None
    if time.integrator == "auto" or by_speed:
        return Foreseen(case, plan=plan)
    return Foreseen(case, None, step_of(time, problem.equation, Speed(0.0, 0.0)), plan)


def topology_of(problem: Problem, places: int, depth: int) -> Topology:
    """How the grid is cut where so many work on it, with ghosts as deep as the case says, else for `depth` stages."""
    case = problem.case
    given = None if case.time.implicit else case.parallel.ghost_depth
    ghosts = problem.ghosts(given or depth)
    return choose_topology(problem.grid.shape, cut_into(problem, places), ghosts.shared, case.process_grid())


def cut_into(problem: Problem, places: int) -> int:
    """Blocks of the grid where so many ranks, or devices, work on it: one where these have members of their own."""
    members, case = len(problem.members), problem.case
    return 1 if members and spreads(members, places, case.parallel.members, case.process_grid()) else places


def _made(problem: Problem) -> Simulation | None:
    """The problem with its fields, all in one block; None of too many cells.  Raises SimError where values are bad,
    or where formulas of regions hold nowhere."""
    if problem.cells > _CELLS:
        return None
    check_masks(Solo(), problem.case, problem.grid)
    wish = Wish("serial", members=len(problem.members) or None, members_at_once=False)
    transport = choose_transport("serial", wish, Solo(), problem.grid.shape, Ghosts(problem.march.step.width))
    return Simulation(problem, transport)


def _speed_of(problem: Problem, made: Simulation | None) -> Speed | None:
    """How fast the fields at time 0 can change, those of any member; None where only fields tell and none are made."""
    known: list[Speed] = []
    for one in problem.each:
        speed = _everywhere(problem, one)
        if speed is None:
            return made.speed() if made else None
        known.append(speed)
    return Speed(max(one.decay for one in known), max(one.wave for one in known))


def _everywhere(problem: Problem, one: Variant) -> Speed | None:
    """That of one member, where it is the same in all cells, whatever the fields; else None."""
    width, dtype = problem.march.step.width, problem.case.numerics.dtype
    cells = jnp.ones((2 * width + 1,) * problem.grid.ndim, dtype)
    numbers = {
        name: jnp.asarray(given.source, dtype) if given.is_scalar else cells for name, given in one.given.items()
    }
    now = jnp.float64(0.0)
    fields = dict.fromkeys(problem.equation.fields, cells)
    origin = (-width,) * problem.grid.ndim
    rates = problem.equation.rates(Patch(fields, numbers, now, origin, problem.grid, Rounding.by(now)))
    return None if jnp.ndim(rates.decay) or jnp.ndim(rates.wave) else Speed(float(rates.decay), float(rates.wave))
