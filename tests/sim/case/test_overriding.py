"""Overrides of single keys: what they name, in which order they count, and what is none."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import casefile
from sim.case import Case
from sim.errors import SimError


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("time.end=0.25", lambda case: case.time.end == 0.25),
        ("time.end=3", lambda case: case.time.end == 3.0),
        (" time.end = 0.25 ", lambda case: case.time.end == 0.25),
        ("numerics.dtype=float32", lambda case: case.numerics.dtype == "float32"),
        ('numerics.dtype="float32"', lambda case: case.numerics.dtype == "float32"),
        ("initial.u=x*y", lambda case: case.initial["u"] == "x*y"),
        ("initial.u=x*(y==0.5)", lambda case: case.initial["u"] == "x*(y==0.5)"),
        ("initial.u=2.5", lambda case: case.initial["u"] == 2.5),
        ("initial.u.file=a.npy", lambda case: case.initial["u"].file == "a.npy"),
        ("boundary.x=periodic", lambda case: case.boundary.x.lower.kind == "periodic"),
        ("boundary.y.value=7.0", lambda case: case.boundary.y.upper.value == 7.0),
        ("parallel.process_grid.y=2", lambda case: case.process_grid() == (2, 1)),
        ("exact.u=t", lambda case: case.exact["u"] == "t"),
        ('ensemble.vary."equation.alpha"=[0.1,0.2]', lambda case: len(case.members()) == 2),
        ("ensemble.vary . 'equation.alpha' = [0.1,0.2]", lambda case: len(case.members()) == 2),
        ('"time".end=2.5', lambda case: case.time.end == 2.5),
        ('title="""a\nname=b"""', lambda case: (case.title, case.name) == ("a\nname=b", "heat2d")),
    ],
)
def test_overrides(override: str, value: Callable[[Case], bool]) -> None:
    if override.startswith("initial.u."):
        base: Any = {**casefile.load("heat2d").model_dump(exclude_none=True), "initial": {"u": {}}}
    else:
        base = "heat2d"
    assert value(casefile.load(base, [override]))


KINDS: dict[str, tuple[list[str], Callable[[Case], bool]]] = {
    "a wall": (
        ["boundary.x.lower.kind=neumann"],
        lambda case: (case.boundary.x.lower.kind, case.boundary.x.upper.kind) == ("neumann", "dirichlet"),
    ),
    "both walls": (["boundary.x.kind=neumann"], lambda case: case.boundary.x.upper.kind == "neumann"),
    "a wall told by its kind alone": (
        ["boundary.x=dirichlet", "boundary.x.kind=neumann"],
        lambda case: case.boundary.x.lower.kind == "neumann",
    ),
    "of what both know": (
        ["boundary.x={kind='robin',h=1.0,ambient=3.0}", "boundary.x.kind=radiation"],
        lambda case: case.boundary.x.lower.ambient == 3.0,
    ),
    "an equation": (["equation.kind=burgers", "equation.viscosity=0.1"], lambda case: case.equation.kind == "burgers"),
    "formulas": (
        ["equation={u='0.5 * laplace(u)'}", "equation.kind=burgers", "equation.viscosity=0.1"],
        lambda case: case.equation.kind == "burgers",
    ),
    "the same formulas": (
        ["equation={u='0.5 * laplace(u)'}", "equation.kind=written"],
        lambda case: case.equation.fields == ("u",),
    ),
    "to formulas": (
        ["equation.u=laplace(u)", "equation.kind=written"],
        lambda case: case.equation.fields == ("u",),
    ),
}


@pytest.mark.parametrize(("overrides", "value"), KINDS.values(), ids=KINDS)
def test_another_kind_is_not_told_what_the_old_one_was(overrides: list[str], value: Callable[[Case], bool]) -> None:
    assert value(casefile.load("heat2d", overrides))


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (["boundary.x.value=3.0", "boundary.x.kind=neumann"], "boundary.x.lower.value: unknown key"),
        (["equation.alpha=3.0", "equation.kind=burgers"], "equation.alpha: unknown key"),
        (["equation.alhpa=3.0", "equation.kind=burgers"], "equation.alhpa: unknown key"),
        (["equation.kind=lukewarm"], "equation.kind is unknown"),
    ],
)
def test_another_kind_is_told_what_the_user_tells_it(overrides: list[str], key: str) -> None:
    with pytest.raises(SimError, match=key):
        casefile.load("heat2d", overrides)


def test_the_last_override_counts() -> None:
    assert casefile.load("heat2d", ["time.end=1.0", "time.end=2.0"]).time.end == 2.0


@pytest.mark.parametrize(
    "override", ["time.end", "=3", "", "time..end=3", ".=3", "time.end.x=3", "name.first=3", '"time.end=3', "a'b.c=3"]
)
def test_overrides_that_name_nothing(override: str) -> None:
    with pytest.raises(SimError, match="--set"):
        casefile.load("heat2d", [override])


@pytest.mark.parametrize("more", ['name="q"', "[grid.y]\ncells=8", "# for now\ntime.end=1"])
def test_an_override_is_one(more: str) -> None:
    with pytest.raises(SimError, match=r"--set takes one KEY=VALUE; give '\w+' a --set of its own"):
        casefile.load("heat2d", [f"grid.x.cells=16\n{more}"])


def test_overrides_leave_the_callers_table_alone(small: Callable[..., dict[str, Any]]) -> None:
    table = small()
    before = copy.deepcopy(table)
    assert casefile.load(table, ["time.end=5.0", "output.units=K", "grid.x.cells=99"]).time.end == 5.0
    assert table == before


@given(st.text(max_size=40))
@settings(max_examples=200)
def test_any_override_is_taken_or_refused(text: str) -> None:
    for override in (text, f"time.end={text}", f"initial.u={text}"):
        try:
            assert isinstance(casefile.load("heat2d", [override]), Case)
        except SimError:
            pass


@pytest.mark.parametrize("value", ["[" * 5000, "9" * 5000, "{a=" * 3000, "9" * 400], ids=lambda value: value[:3])
def test_overrides_beyond_what_a_parser_stands(value: str) -> None:
    with pytest.raises(SimError):
        casefile.load("heat2d", [f"time.end={value}"])
