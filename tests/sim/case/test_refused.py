"""What a case must not hold is named by its key, and none of it is executed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim import casefile
from sim.errors import SimError

# Override of heat2d (2-D) → the key that the message must name.
BAD = {
    "grid.x.cells=0": "grid.x.cells",
    "grid.x.cells=-3": "grid.x.cells",
    "grid.x.cells=1.5": "grid.x.cells",
    "grid.x.cells=many": "grid.x.cells",
    "grid.x.cells=true": "grid.x.cells",
    "grid.x.cells=99999999999": "grid.x.cells",
    "grid.x.lower=inf": "grid.x.lower",
    "grid.x.upper=nan": "grid.x.upper",
    "grid.x.upper=-1.0": "grid.x",
    "grid.x.upper='one'": "grid.x.upper",
    "grid.x.size=4": "grid.x.size",
    "grid.w.cells=4": "grid.w",
    "grid.y=3": "grid.y",
    "grid.z={cells=4}": "boundary.z",
    "equation.alpha=-1.0": "equation.alpha",
    "equation.alpha=nan": "equation.alpha",
    "equation.alpha=inf": "equation.alpha",
    "equation.alpha=x +": "equation.alpha",
    "equation.kind=wavy": "equation.kind",
    "equation.beta=1": "equation.beta",
    "equation.source=q(x)": "equation.source",
    "equation.source=inf": "equation.source",
    "initial.u=nan": "initial.u",
    "initial.u=true": "initial.u",
    "initial.u=[1, 2]": "initial.u",
    "initial.u=''": "initial.u",
    "initial.u=sin(": "initial.u",
    "initial.u=x*t": "initial.u",
    "initial.u=z": "initial.u",
    "initial.v=1": "initial.v",
    "initial.u={dataset='a'}": "initial.u.file",
    "initial.u={file=''}": "initial.u.file",
    "initial.u={file='a.npy', flip=['w']}": "initial.u.flip",
    "initial.u={file='a.npy', flip=['z']}": "initial.u.flip",
    "initial.u={file='a.npy', scale=2}": "initial.u.scale",
    "exact.u=t*q": "exact.u",
    "exact.u=3": "exact.u",
    "boundary.x.kind=robin": "boundary.x",
    "boundary.x=wall": "boundary.x",
    "boundary.x=3": "boundary.x",
    "boundary.x={lower='periodic', upper='neumann'}": "boundary.x",
    "boundary.x={lower='neumann'}": "boundary.x.upper",
    "boundary.x={lower='neumann', upper={kind='dirichlet', value=nan}}": "boundary.x.upper.value",
    "boundary.x={kind='neumann', value=1.0}": "boundary.x.lower.value",
    "boundary.z=periodic": "boundary.z",
    "time.end=-1.0": "time.end",
    "time.end=nan": "time.end",
    "time.end=inf": "time.end",
    "time.end=soon": "time.end",
    "time.step=0.0": "time.step",
    "time.step=-0.1": "time.step",
    "time.step=nan": "time.step",
    "time.safety=0.0": "time.safety",
    "time.safety=1.5": "time.safety",
    "time.safety=nan": "time.safety",
    "time.integrator=magic": "time.integrator",
    "numerics.dtype=float16": "numerics.dtype",
    "numerics.stencil=fast": "numerics.stencil",
    "output.every=0.0": "output.every",
    "output.every=-1.0": "output.every",
    "output.every=nan": "output.every",
    "output.units=3": "output.units",
    "parallel.devices=0": "parallel.devices",
    "parallel.devices=1.0": "parallel.devices",
    "parallel.transport=pigeon": "parallel.transport",
    "parallel.process_grid.x=0": "parallel.process_grid.x",
    "parallel.process_grid.z=2": "parallel.process_grid.z",
    "parallel.process_grid=3": "parallel.process_grid",
    "name=../../etc": "name",
    "name=": "name",
    "speed=3": "speed",
    "tiem.end=1.0": "tiem",
}


# What a formula must never do: none of these is executed.
ATTACKS = [
    "__import__('os').mkdir('pwned')",
    "open('pwned', 'w')",
    "().__class__.__bases__[0].__subclasses__()",
    "(lambda: open('pwned', 'w'))()",
    "[open(p, 'w') for p in ('pwned',)]",
    "x if open('pwned', 'w') else x",
    "f\"{open('pwned', 'w')}\"",
    "exec(\"open('pwned', 'w')\")",
    "x.__class__",
    "(x := 3)",
    "import os",
    "9**9**9**9",
]


@pytest.mark.parametrize(("override", "key"), BAD.items())
def test_bad_input_is_named_by_its_key(override: str, key: str) -> None:
    with pytest.raises(SimError) as caught:
        casefile.load("heat2d", [override])
    message = str(caught.value)
    assert f"{key}:" in message or f"{key} " in message or f"{key}." in message, message
    assert "heat2d" in message and "pydantic" not in message


@pytest.mark.parametrize("key", ["grid", "grid.x", "grid.x.cells", "equation", "equation.alpha", "initial", "time.end"])
def test_a_key_that_is_missing_is_named(key: str, small: Callable[..., dict[str, Any]]) -> None:
    table = small()
    *path, last = key.split(".")
    inner = table
    for part in path:
        inner = inner[part]
    del inner[last]
    with pytest.raises(SimError, match=rf"\b{key}: .*required"):
        casefile.load(table)


def test_a_field_without_values_is_named(small: Callable[..., dict[str, Any]]) -> None:
    table = small()
    del table["initial"]["u"]
    with pytest.raises(SimError, match=r"initial\.u is missing"):
        casefile.load(table)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SimError) as caught:
        casefile.load("heat2d", ["time.end=-1.0", "equation.alpha=-1.0", "speed=3"])
    assert all(key in str(caught.value) for key in ("time.end", "equation.alpha", "speed"))


@pytest.mark.parametrize("formula", ATTACKS)
@pytest.mark.parametrize("key", ["initial.u", "equation.source", "exact.u"])
def test_formulas_are_never_executed(
    formula: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: Callable[..., dict[str, Any]]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SimError, match=key):
        casefile.load(small(**{key.replace(".", "__"): formula}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("formula", "ndim", "fine"),
    [("sin(pi*x)", 1, True), ("y", 1, False), ("y*x", 2, True), ("z", 2, False), ("x*y*z", 3, True)],
)
def test_formulas_know_the_axes_of_the_grid(
    formula: str, ndim: int, fine: bool, small: Callable[..., dict[str, Any]]
) -> None:
    table = small((4, 5, 6)[:ndim], initial__u=formula)
    if fine:
        assert casefile.load(table).initial["u"] == formula
    else:
        with pytest.raises(SimError, match=r"initial\.u"):
            casefile.load(table)
