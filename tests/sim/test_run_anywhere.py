"""A run has the same bytes on all devices and communicators."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sim
from sim.errors import SimError

Small = Callable[..., dict[str, Any]]
Fields = Callable[[Path], list[np.ndarray]]

pytestmark = pytest.mark.usefixtures("elsewhere")


# -------------------------------------------------------------------------------------------------- the same everywhere


CASES: dict[str, dict[str, Any]] = {
    "1-D float32 dirichlet": {
        "shape": (64,), "numerics__dtype": "float32", "boundary__x": {"kind": "dirichlet", "value": 0.5},
    },
    "1-D float64 periodic": {"shape": (64,)},
    "2-D float32 periodic": {"shape": (16, 24), "numerics__dtype": "float32"},
    "2-D float64 mixed": {
        "shape": (24, 16),
        "boundary__x": {"lower": {"kind": "neumann", "flux": 0.2}, "upper": "dirichlet"},
        "equation__source": "x*y",
    },
    "2-D float64 conv": {"shape": (16, 24), "numerics__stencil": "conv"},
    "3-D float32 mixed": {
        "shape": (8, 8, 16), "numerics__dtype": "float32", "boundary__y": "neumann", "equation__source": "sin(z)",
    },
    "3-D float64 dirichlet": {
        "shape": (8, 16, 8), "boundary": {key: {"kind": "dirichlet", "value": 1.0} for key in "xyz"},
    },
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def reference(request: pytest.FixtureRequest, small: Small, fields: Fields, tmp_path_factory: Any) -> Any:
    """A table, and bytes and result of its run on one device."""
    table = small(**request.param)
    folder = tmp_path_factory.mktemp("serial") / "out"
    result = sim.run(table, output=folder)
    assert result.transport == "serial" and result.steps >= 6
    return table, fields(folder), result


def check_same(reference: Any, result: sim.Result, fields: Fields) -> None:
    _, expected, serial_result = reference
    found = fields(Path("out"))
    assert [field.tobytes() for field in found] == [field.tobytes() for field in expected]
    assert found[0].dtype == expected[0].dtype and len(found) == len(expected)
    # Sums too are formed so that they do not depend on the blocks.
    assert result.statistics == serial_result.statistics and result.drift == serial_result.drift


@pytest.mark.parametrize("devices", [2, 4, 8])
def test_devices_give_the_same_bytes(reference: Any, devices: int, fields: Fields) -> None:
    table = {**reference[0], "parallel": {"transport": "xla", "devices": devices}}
    result = sim.run(table, output="out")
    assert result.transport == "xla" and math.prod(result.process_grid) == devices
    check_same(reference, result, fields)


@pytest.mark.long
@pytest.mark.parametrize("blocks", [(1, 4, 1), (2, 1, 2), (1, 1, 4), (4, 1, 1), (2, 2, 2), (1, 2, 4)])
def test_process_grids_give_the_same_bytes(reference: Any, blocks: tuple[int, ...], fields: Fields) -> None:
    names = tuple(reference[0]["grid"])
    if math.prod(blocks[: 3 - len(names)]) != 1:
        pytest.skip("cuts an axis that the grid does not have")
    wanted = blocks[3 - len(names) :]
    parallel = {"transport": "xla", "devices": math.prod(wanted), "process_grid": dict(zip(names, wanted, strict=True))}
    result = sim.run({**reference[0], "parallel": parallel}, output="out")
    assert tuple(result.process_grid) == wanted
    check_same(reference, result, fields)


def test_one_rank_of_mpi_gives_the_same_bytes(reference: Any, fields: Fields, single_rank_mpi: Any) -> None:
    result = sim.run({**reference[0], "parallel": {"transport": "mpi"}}, output="out")
    assert (result.transport, result.ranks) == ("mpi", 1)
    check_same(reference, result, fields)


# -------------------------------------------------------------------------------------------- the caller's communicator


@pytest.mark.parametrize(
    "parallel",
    [
        {"transport": "serial"},
        {"transport": "mpi"},
        {"transport": "xla", "devices": 4},
        {"transport": "xla", "devices": 4, "process_grid": {"x": 2, "y": 2}},
    ],
    ids=str,
)
def test_a_communicator_of_one_rank_will_do(
    small: Small, single_rank_mpi: Any, parallel: dict[str, Any], fields: Fields
) -> None:
    """Such as COMM_SELF: each rank of a study runs a case of its own."""
    sim.run(small((16, 12)), output="serial")
    result = sim.run(small((16, 12), parallel=parallel), comm=single_rank_mpi.COMM_WORLD, output="out")
    assert result.transport == parallel["transport"] and result.ranks == 1
    assert [u.tobytes() for u in fields(Path("out"))] == [u.tobytes() for u in fields(Path("serial"))]


@pytest.mark.parametrize("fails", [False, True])
def test_communicators_are_given_back(small: Small, single_rank_mpi: Any, fails: bool) -> None:
    """An MPI has some thousands of them: a study of many runs must not use them up."""
    world = single_rank_mpi.COMM_WORLD
    table = small(parallel={"transport": "mpi"}, initial__u="log(-x)" if fails else 1.0)
    if fails:
        with pytest.raises(SimError):
            sim.run(table, comm=world, output="out")
    else:
        sim.run(table, comm=world, output="out")
    assert single_rank_mpi.alive == [world]
