"""What can't run is refused and leaves nothing."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sim
from sim.errors import SimError

Small = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.usefixtures("elsewhere")


REFUSED = {
    "an unstable step": (["time.step=1.0"], ["time.step = 1", "unstable", "at most"]),
    "a formula that is not finite": (["initial.u=log(x - 0.2)"], ["initial.u", "nan", "x = "]),
    "a source that is not finite": (["equation.source=1/(x-x)"], ["equation.source", "inf"]),
    "a file that is missing": (["initial.u={file='none.npy'}"], ["initial.u", "none.npy"]),
    "a file of another shape": (["initial.u={file='field.npy'}"], ["initial.u", "(3, 4)", "(12, 16)"]),
    "a process grid of another size": (["parallel.process_grid={x=2}"], ["x=2", "1 ranks"]),
    "a grid too small": (
        ["grid.x.cells=2", "grid.y.cells=2", "parallel.transport=xla", "parallel.devices=8"],
        ["2 × 2 cells", "8 blocks"],
    ),
    "too many devices": (["parallel.transport=xla", "parallel.devices=4000"], ["4000"]),
    "too many steps": (["time.end=1e300"], ["steps"]),
    "more steps than there are numbers": (["time.end=1e308", "equation.alpha=1000.0"], ["steps"]),
    "an unknown key": (["grid.x.sells=3"], ["grid.x.sells"]),
    "a number too large for its type": (["numerics.dtype=float32", "initial.u=1e39"], ["initial.u"]),
    "a formula too large for its type": (["numerics.dtype=float32", "initial.u=1e39*x"], ["initial.u"]),
    "a number too large, and no steps": (
        ["numerics.dtype=float32", "initial.u=1e39", "time.end=0.0"],
        ["initial.u"],
    ),
    "a coefficient too large for its type": (
        ["numerics.dtype=float32", "equation.alpha=1e39"],
        ["equation.alpha is 1e+39", "finite in float32"],
    ),
    "a coefficient of a member too large": (
        ["numerics.dtype=float32", "ensemble.vary={'equation.alpha' = [1.0, 1e39]}"],
        ["member 1: equation.alpha is 1e+39", "finite in float32"],
    ),
    "a coefficient too small for its type": (
        ["numerics.dtype=float32", "equation.alpha=1e-50"],
        ["equation.alpha is 1e-50, which is 0 in float32", 'or numerics.dtype = "float64"'],
    ),
    "a formula too small for its type": (
        ["numerics.dtype=float32", "equation.alpha=1e-50*x", "parallel.transport=virtual", "parallel.blocks=3"],
        ["equation.alpha is 2.03438e-50 at most, which is 0 in float32"],
    ),
    "a number too small for its type, beside fields": (
        ["numerics.dtype=float32", "equation.alpha=1e-50*u**2"],
        ["equation: a number is 1e-50, which is 0 in float32"],
    ),
    "a number too large for its type, beside fields": (
        ["numerics.dtype=float32", "equation.alpha=u**2/1e50"],
        ["equation: a number is 1e+50", "finite in float32"],
    ),
    "a member's coefficient too small for its type": (
        ["numerics.dtype=float32", "ensemble.vary={'equation.alpha' = [1.0, 1e-50]}"],
        ["member 1: equation.alpha is 1e-50, which is 0 in float32"],
    ),
    "an initial field of subnormal numbers": (
        ["initial.u=1e-310"],
        ["initial.u is 1e-310 at most, which is 0 in float64"],
    ),
    "an axis too long": (["grid.x.upper=1e300"], ["grid.x"]),
    "an axis too short": (["grid.x.upper=1e-170"], ["grid.x"]),
    "bounds too far apart": (["grid.x.lower=-1e308", "grid.x.upper=1e308"], ["grid.x"]),
    "an axis far from its origin": (
        ["grid.x.lower=1e15", "grid.x.upper=1000000000000001.0"],
        [
            "grid.x: ",
            "cells 0.0625 wide are too small for coordinates like 1e+15",
            "to 0.12; count from an origin nearby",
        ],
    ),
    "a diffusivity too large": (["equation.alpha=1e308"], ["alpha"]),
    **{
        f"modes beside {given}": (
            ["time.integrator=spectral", "boundary={x = 'periodic', y = 'neumann'}", given],
            ['"spectral" knows a constant alpha and a source of the place alone'],
        )
        for given in (
            "equation.source=sin(t)",
            "equation.source=-2*u",
            "equation.alpha=1+x",
            "ensemble.vary={'equation.alpha' = ['1 + x', '2 + x']}",
        )
    },
    "too many outputs": (["time.end=1e300", "output.every=1e-300", "equation.alpha=0.0"], ["output.every"]),
}


@pytest.mark.parametrize(
    "override",
    ["equation.alpha=exp(-1e3*x**2)", "equation.alpha=0*x", "initial.u=exp(-1e3*x**2)", "exact={u='1e-310*t'}"],
)
def test_what_vanishes_in_some_cells_or_with_time_is_not_refused(small: Small, override: str) -> None:
    """A cell is 0.13 wide, and the last one's number is 0 even in float64."""
    assert sim.run(small((12, 16)), overrides=["numerics.dtype=float32", override]).steps > 0


@pytest.mark.parametrize(("overrides", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_run_is_refused_and_leaves_nothing(small: Small, overrides: list[str], words: list[str]) -> None:
    np.save("field.npy", np.zeros((3, 4)))
    with pytest.raises(SimError) as caught:
        sim.run(small((12, 16)), overrides=overrides)
    assert all(word in str(caught.value) for word in words), caught.value
    assert {entry.name for entry in Path().iterdir()} == {"field.npy"}


@pytest.mark.parametrize("where", ["file/below", "/proc/none/here", "file"])
def test_output_that_cannot_be_written(small: Small, where: str) -> None:
    Path("file").write_text("mine")
    with pytest.raises(SimError, match=re.escape(where)):
        sim.run(small((9,)), output=where)
    assert Path("file").read_text() == "mine"


@pytest.mark.parametrize(
    "overrides",
    [["initial.u=1e200", "exact.u='0'"], ["initial.u=1e308"], ["initial.u=1e308", "time.end=0.0"]],
    ids=str,
)
def test_numbers_that_overflow_in_a_sum_are_no_bug(small: Small, overrides: list[str]) -> None:
    """A mean or an error beyond the range of numbers: a refusal or a result, but one that JSON can hold."""
    try:
        result = sim.run(small((12, 16)), output="out", overrides=overrides)
    except SimError:
        return
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["steps"] == result.steps


def test_mpi_wanted_but_not_installed(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mpi4py", None)
    with pytest.raises(SimError, match="mpi4py"):
        sim.run(small((9,), parallel={"transport": "mpi"}), output="out")


def test_mpi4py_without_mpi4jax(small: Small, single_rank_mpi: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mpi4jax", None)
    with pytest.raises(SimError, match="mpi4jax.*; install it with"):
        sim.run(small((9,), parallel={"transport": "mpi"}), output="out")
    assert not Path("out").exists()


def test_an_mpi4jax_of_another_mpi_is_not_to_be_installed_again(
    small: Small, single_rank_mpi: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mpi4jax.py").write_text("raise ImportError('libfabric.so.1: version not found')")
    monkeypatch.syspath_prepend(tmp_path)
    with monkeypatch.context() as patch:
        patch.delitem(__import__("sys").modules, "mpi4jax")
        with pytest.raises(SimError, match=r"libfabric.so.1: version not found; `python -m sim doctor` says how"):
            sim.run(small((9,), parallel={"transport": "mpi"}), output="out")


def test_a_directory_that_vanishes(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said is what went wrong first, with its remedy, not that the record of it can't be written either."""

    def vanish(name: str) -> None:
        if name == "chunk done":
            shutil.rmtree(tmp_path / "out", ignore_errors=True)

    monkeypatch.setattr("sim.loop.reach", vanish)
    with pytest.raises(SimError, match="the snapshot .* can't be written: No such file .*, or use --output"):
        sim.run(small(), output=tmp_path / "out")
