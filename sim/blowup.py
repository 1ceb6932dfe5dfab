"""What to say of fields that are not finite any more."""

from __future__ import annotations

from sim.case import Case, WrittenTable
from sim.simulation import Simulation


def message(simulation: Simulation, broken: int, before: int, left: str) -> str:
    """Of `broken` cells since step `before`; `left` says what is left of the run."""
    problem = simulation.problem
    return (
        f"the field{_of_members(simulation.broken_members)} blew up: {broken} of {problem.cells} cells are NaN or "
        f"infinite at step {simulation.step}, t = {simulation.time:g} (still finite at step {before}); {left}; "
        f"{_remedy(problem.case)}"
    )


def _of_members(broken: list[int]) -> str:
    """Which members have blown up, where there are several."""
    listed = ", ".join(map(str, broken[:8])) + ", …" * (len(broken) > 8)
    return f" of member{'s' * (len(broken) > 1)} {listed}" if broken else ""


def _remedy(case: Case) -> str:
    equation = "the equation" if isinstance(case.equation, WrittenTable) else "equation.source"
    acting = [f"[[{name}]]" for name in ("sources", "regions") if getattr(case, name)]
    wider = ', or use numerics.dtype = "float64"' if case.numerics.dtype == "float32" else ""
    shorter = ", or a smaller time.step" if case.time.step is not None else ""
    return f"check {', '.join(['initial', equation, 'walls', *acting])}{wider}{shorter}"
