"""A simulation that an MPI program steers: the bits of one rank, and one word of all where something is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cases import table

from .conftest import WORKERS, Ended


@pytest.mark.parametrize(
    ("ranks", "transport", "devices"),
    [
        (2, "mpi", None),
        pytest.param(3, "mpi", None, marks=pytest.mark.long),
        pytest.param(2, "hybrid", 2, marks=pytest.mark.long),
        pytest.param(2, "xla", None, marks=pytest.mark.long),
    ],
)
def test_steered_on_ranks_as_on_one(
    ranks: int, transport: str, devices: int | None, mpirun: Callable[..., Ended], tmp_path: Path
) -> None:
    parallel = {"transport": transport} if devices is None else {"transport": transport, "devices": devices}
    (tmp_path / "case.json").write_text(json.dumps({**table(2, "float64"), "parallel": parallel}))
    found = mpirun(ranks, str(WORKERS / "steering.py"), "case.json", timeout=200).json()
    assert found["together"] == found["alone"]
    times, values, whole = found["said"]
    assert times.startswith("ranks want to advance to different times, 0.01")
    assert values.startswith("u is nan at")
    assert whole.startswith(f"u: no rank of {ranks} holds the whole field")
