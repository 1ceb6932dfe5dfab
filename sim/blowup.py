"""What to say of fields that are not finite any more."""

from __future__ import annotations

from sim.case import Case, TimeTable, WrittenTable
from sim.errors import SimError
from sim.schedule import Segment
from sim.simulation import Simulation


def message(simulation: Simulation, segment: Segment, broken: int, before: int, left: str) -> str:
    """Of `broken` cells since step `before`, on the way through a segment; `left` says what is left of the run.
    Collective."""
    problem = simulation.problem
    return (
        f"the field{_of_members(simulation.broken_members)} blew up: {broken} of {problem.cells} cells are NaN or "
        f"infinite at step {simulation.step}, t = {simulation.time:g} (still finite at step {before}); {left}; "
        f"{_too_long(simulation, segment) or _remedy(problem.case)}"
    )


def _of_members(broken: list[int]) -> str:
    """Which members have blown up, where there are several."""
    listed = ", ".join(map(str, broken[:8])) + ", …" * (len(broken) > 8)
    return f" of member{'s' * (len(broken) > 1)} {listed}" if broken else ""


def _too_long(simulation: Simulation, segment: Segment) -> str:
    """What to say where the steps, which were stable at first, are not for the fields that there are now, or may not
    be: fields that are not finite anywhere tell nothing.  "" where that is not why, or steps are not of that kind."""
    problem = simulation.problem
    if problem.implicit is not None or simulation.pacing is not None:
        return ""
    try:
        speed = simulation.speed(where_finite=True)
    except SimError:
        now = "need not be for those since"
    else:
        limit = problem.march.step.stable_step(speed.decay, speed.wave)
        if segment.dt <= limit:
            return ""
        now = f"are not for these, which allow {limit:.3g}"
    return (
        f"the steps of {segment.dt:.3g}, stable for the fields they were chosen by, {now}: give "
        f'{_shorter(problem.case.time)}, time.integrator = "bs23", whose steps follow their errors, or an implicit '
        f"one; or {_remedy(problem.case, shorter=False)}"
    )


def _shorter(time: TimeTable) -> str:
    if time.step is None:
        return f"a smaller time.safety (now {time.safety:g}) or time.step"
    # Of super-time-stepping a smaller step has fewer stages.
    return "a smaller time.step" if time.integrator not in ("rkl1", "rkl2") else "more time.stages"


def _remedy(case: Case, shorter: bool = True) -> str:
    equation = "the equation" if isinstance(case.equation, WrittenTable) else "equation.source"
    acting = [f"[[{name}]]" for name in ("sources", "regions") if getattr(case, name)]
    wider = ', or use numerics.dtype = "float64"' if case.numerics.dtype == "float32" else ""
    smaller = ", or a smaller time.step" if shorter and case.time.step is not None else ""
    return f"check {', '.join(['initial', equation, 'walls', *acting])}{wider}{smaller}"
