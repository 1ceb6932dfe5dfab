"""Ensembles over ranks: the bits of one process, whether the domain is cut or the members are spread."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cases import table

from .conftest import WORKERS, Ended, Family, finish

VARY = {"equation.alpha": [0.3, 0.7, 0.45], "initial.u": ["sin(3 * x)", "x * x", "1 + 0.1 * x"]}
WAYS: dict[str, dict[str, Any]] = {
    "spread": {"ghost_depth": 2},
    "together": {"members": "together", "ghost_depth": 2},
    "at once": {"members": "together", "ghost_depth": 3, "members_at_once": True},
}
SOLVING = {"grid": {"x": {"cells": 11}, "y": {"cells": 14}}, "time": {"end": 0.2, "step": 0.1, "integrator": "bdf2"}}


def cases(parallel: dict[str, Any]) -> str:
    case = {**table(2, "float32"), "ensemble": {"vary": VARY}}
    return json.dumps({name: {**case, "parallel": {**parallel, **way}} for name, way in WAYS.items()})


@pytest.mark.long
@pytest.mark.parametrize("transport", ["mpi", "hybrid"])
def test_over_ranks_where_steps_solve(transport: str, mpirun: Callable[..., Ended], tmp_path: Path) -> None:
    """Members that take more iterations than others wait for nobody, or are waited for by all."""
    parallel = {"spread": {"members": "spread"}, "at once": {"members": "together", "members_at_once": True}}
    case = {**table(2, "float64"), **SOLVING, "ensemble": {"vary": VARY}, "exact": {}}
    text = {name: {**case, "parallel": {"transport": transport, **way}} for name, way in parallel.items()}
    (tmp_path / "cases.json").write_text(json.dumps(text))
    found = mpirun(2, str(WORKERS / "cases.py"), "cases.json", timeout=200).json()
    assert found["spread"][:2] == found["at once"][:2]
    assert found["spread"][2] == [1, 1] and found["at once"][2] != [1, 1]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Digest and numbers by one process."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "cases.json").write_text(cases({"transport": "serial"}))
    family = Family(folder)
    try:
        found = finish(family.start([sys.executable, str(WORKERS / "cases.py"), "cases.json"]), family).json()
    finally:
        family.end()
    return found["spread"][:2]


@pytest.mark.long
@pytest.mark.parametrize(
    ("ranks", "parallel", "blocks"),
    [(2, {"transport": "mpi"}, 2), (2, {"transport": "hybrid", "devices": 2}, 4), (2, {"transport": "xla"}, 2)],
    ids=["mpi", "hybrid", "xla"],
)
def test_over_ranks(
    ranks: int, parallel: dict[str, Any], blocks: int, mpirun: Callable[..., Ended], alone: Any, tmp_path: Path
) -> None:
    if parallel["transport"] == "xla":
        parallel = {**parallel, "devices": 1}
    # Three members are fewer than four places, and would not be spread of themselves.
    text = cases(parallel).replace('"ghost_depth": 2}', '"ghost_depth": 2, "members": "spread"}', 1)
    (tmp_path / "cases.json").write_text(text)
    found = mpirun(ranks, str(WORKERS / "cases.py"), "cases.json", timeout=200).json()
    for name, (digest, numbers, grid) in found.items():
        assert [digest, numbers] == alone, f"{name} differs from one process"
        assert grid[0] * grid[1] == (1 if name == "spread" else blocks)
