"""A case run in this process, as `sim run` runs it, in a directory that does not stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np

from sim.driver import run
from sim.result import Result
from sim.verify.accuracy.study import Order, Study, Table


@dataclass(frozen=True)
class Solved:
    """A case's result, and its fields at the beginning and at the end, float64[[z,] y, x] by name."""

    result: Result
    first: Mapping[str, np.ndarray]
    last: Mapping[str, np.ndarray]


def solve(case: Table) -> Solved:
    """Run a case.  Raises SimError where it can't be run."""
    with TemporaryDirectory(prefix="sim-verify-") as folder:
        result = run(case, output=Path(folder) / "run")
        first, last = (_fields(path, result) for path in (result.snapshots[0], result.snapshots[-1]))
    return Solved(result, first, last)


def observe(study: Study) -> Order:
    """Run a study's cases.  Raises SimError where one can't be run, or states no exact solution."""
    errors = []
    for size in study.sizes:
        found = solve(study.case(size)).result.errors
        assert found, f"{study.name} states no exact solution"
        errors.append(max(norms[study.norm] for norms in found.values()))
    return Order(study, tuple(errors))


def case_of(
    cells: Mapping[str, int],
    equation: Mapping[str, Any],
    initial: Mapping[str, str],
    boundary: Mapping[str, Any],
    time: Mapping[str, Any],
    **more: Any,
) -> dict[str, Any]:
    """A case on the unit box, in float64, in one block; `more` may say otherwise, table by table."""
    case: dict[str, Any] = {
        "name": "verify",
        "grid": {axis: {"cells": n} for axis, n in cells.items()},
        "equation": equation,
        "initial": initial,
        "boundary": boundary,
        "time": time,
        "numerics": {"dtype": "float64"},
        "parallel": {"transport": "serial", "tune": False},
        "checkpoint": {"at_end": False},
    }
    return case | {key: {**case.get(key, {}), **table} for key, table in more.items()}


def _fields(snapshot: Path, result: Result) -> dict[str, np.ndarray]:
    with h5py.File(snapshot) as file:
        return {name: file[name][0] for name in result.statistics}
