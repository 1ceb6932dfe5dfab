"""Keys that say nothing of a case as it is, though they might of what a `--set` makes of it."""

from __future__ import annotations

from collections.abc import Iterator

from sim.case.table import Table
from sim.case.whole import Case


def remarks(case: Case) -> list[str]:
    """One line for each key that is given and has no effect here, or in part none: which, and why."""
    return [f"{key} has no effect: {why}" for key, why in _idle(case)]


def _idle(case: Case) -> Iterator[tuple[str, str]]:
    time, parallel = case.time, case.parallel
    if time.steady:
        why = "time.steady finds a state at once, without steps"
        yield from _given("time", time, ("integrator", "step", "safety"), why)
    elif time.step is not None and not time.adaptive:
        yield from _given("time", time, ("safety",), "time.step says what the step is")
    elif time.integrator == "spectral":
        yield from _given("time", time, ("safety",), "a spectral step is exact whatever its length")
    if time.implicit:
        why = "what solves systems exchanges ghosts whenever a system needs them"
        yield from _given("parallel", parallel, ("ghost_depth", "tile", "tune"), why)
    elif time.integrator != "auto":
        keys = tuple(type(case.solver).model_fields)
        yield from _given("solver", case.solver, keys, f"the steps of {time.integrator} solve no systems")
    scheme = getattr(case.equation, "scheme", None)
    if case.numerics.order == 4 and scheme is not None:
        yield "numerics.order = 4 on transport", f"what equation.scheme = {scheme} carries stays of that scheme's order"
    for number, region in enumerate(case.regions):
        if late := sum(1 for moment in region.times if moment > time.end * (1 + 1e-9)):
            yield f"regions.{number}.times beyond time.end = {time.end:g}", f"{late} of {len(region.times)} lie there"
    if case.ensemble is None:
        yield from _given("parallel", parallel, ("members", "members_at_once"), "the case has no [ensemble]")


def _given(name: str, table: Table, keys: tuple[str, ...], why: str) -> Iterator[tuple[str, str]]:
    for key in keys:
        if getattr(table, key) != type(table).model_fields[key].default:
            yield f"{name}.{key}", why
