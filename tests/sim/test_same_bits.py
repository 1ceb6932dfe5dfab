"""One answer, to the bit: every transport that lives in one process, at every depth, against serial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from tests.cases import table

# Uneven on purpose, with prime numbers of cells and of blocks, and axes with a single block.
PLACES: dict[str, dict[str, Any]] = {
    "virtual-2": {"transport": "virtual", "blocks": 2, "ghost_depth": 3},
    "virtual-3": {"transport": "virtual", "blocks": 3, "ghost_depth": 1},
    "virtual-psum": {"transport": "virtual", "blocks": 4, "ghost_depth": 2, "halo": "psum"},
    "xla-2": {"transport": "xla", "devices": 2, "ghost_depth": 5},
    "xla-3": {"transport": "xla", "devices": 3, "ghost_depth": 2},
    "xla-4": {"transport": "xla", "devices": 4, "ghost_depth": 1},
    "xla-psum": {"transport": "xla", "devices": 4, "ghost_depth": 3, "halo": "psum"},
    "auto-sharded": {"transport": "auto-sharded", "devices": 4, "ghost_depth": 2},
    "deep": {"transport": "serial", "ghost_depth": 8},
    "tiles": {"transport": "serial", "ghost_depth": 4, "tile": [2]},
    "tiles-odd": {"transport": "serial", "ghost_depth": 5, "tile": [3]},
    "tiles-xla": {"transport": "xla", "devices": 4, "ghost_depth": 3, "tile": [1]},
    "tiles-virtual": {"transport": "virtual", "blocks": 3, "ghost_depth": 2, "tile": [1]},
}


def outcome(case: dict[str, Any], where: dict[str, Any], output: Path) -> tuple[bytes, Any]:
    result = sim.run({**case, "parallel": where}, output=output)
    with h5py.File(result.series) as file:
        field = np.ascontiguousarray(file["u"][:])
    return field.tobytes(), (result.statistics, result.errors, result.drift, result.steps)


def check(case: dict[str, Any], places: list[str], folder: Path) -> None:
    field, numbers = outcome(case, {"transport": "serial", "ghost_depth": 1}, folder / "serial")
    assert len(set(field)) > 50, "the field is not trivial"
    for place in places:
        other, others_numbers = outcome(case, PLACES[place], folder / place)
        assert other == field, f"{place} differs from serial"
        assert others_numbers == numbers, f"{place} prints other numbers than serial"


@pytest.mark.long
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_all_places(ndim: int, dtype: str, tmp_path: Path) -> None:
    check(table(ndim, dtype, "mixed", "slices"), list(PLACES), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("sides", ["walls", "closed", "rings"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_all_boundaries(ndim: int, sides: str, tmp_path: Path) -> None:
    check(table(ndim, "float32", sides, "slices"), ["virtual-3", "xla-2", "tiles-odd"], tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_convolutions(ndim: int, dtype: str, tmp_path: Path) -> None:
    check(table(ndim, dtype, "mixed", "conv"), ["virtual-3", "xla-4", "auto-sharded", "tiles"], tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("mean", ["arithmetic", "harmonic"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_a_coefficient_that_varies(ndim: int, mean: str, tmp_path: Path) -> None:
    case = table(ndim, "float32", "mixed", "slices")
    case["equation"] |= {"alpha": "0.4 + 0.3 * sin(3 * x)", "mean": mean}
    check(case, ["virtual-3", "xla-4", "tiles", "tiles-odd"], tmp_path)
