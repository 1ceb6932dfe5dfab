"""One answer, to the bit, over ranks: fields and printed numbers are those of one process."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from sim.subprocesses import free_port
from tests.cases import table

from .conftest import WORKERS, Ended, Family, finish

CASES = [
    (1, "float64", "slices", 3, ()),
    (2, "float32", "slices", 1, ()),
    (2, "float64", "conv", 2, ()),
    (2, "float32", "slices", 4, (3,)),
    (3, "float64", "slices", 2, ()),
    (3, "float32", "slices", 3, (1, 4)),
]


def tables(parallel: dict[str, Any], deep: bool) -> dict[str, Any]:
    found = {}
    for ndim, dtype, stencil, depth, tile in CASES:
        where = {**parallel, "ghost_depth": depth, "tile": tile} if deep else {**parallel, "ghost_depth": 1}
        found[f"{ndim}-D, {dtype}, {stencil}, {depth}, {tile}"] = {
            **table(ndim, dtype, stencil=stencil),
            "parallel": where,
        }
    # Its steps are what all ranks make of the largest error, and so is their number.
    adaptive = {"end": 0.31, "integrator": "bs23", "tolerance": 1e-5}
    where = {**parallel, "ghost_depth": 4 if deep else 1}
    found["steps by their errors"] = {**table(2, "float64"), "time": adaptive, "parallel": where}
    # Zeros of both signs.
    found["zeros"] = {
        **table(1, "float64"),
        "initial": {"u": "0 * (x - 5)"},
        "time": {"end": 0.0},
        "probes": {
            "points": {"first": {"at": {"x": 0.1}}, "last": {"at": {"x": 9.0}}},
            "regions": {name: {"box": {"x": [0.0, 4.0]}, "measure": name} for name in ("min", "max", "mean")},
        },
        "parallel": where,
    }
    return found


ALL = list(tables({}, deep=True))
# One of a kind: each dimension, ghosts that last, a convolution, tiles, steps that ranks agree on, zeros.
FEW = [name for name in ALL if not name.startswith(("2-D, float32, slices, 1", "3-D, float32"))]
DIMENSIONS = ALL[:6:2]

Outcomes = dict[str, Any]
Serial = Callable[[Sequence[str]], Outcomes]


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Serial:
    """What one process makes of cases, step by step; of each once."""
    folder, found = tmp_path_factory.mktemp("serial"), {}

    def of(names: Sequence[str]) -> Outcomes:
        cases = tables({"transport": "serial"}, deep=False)
        if missing := {name: cases[name] for name in names if name not in found}:
            (folder / "cases.json").write_text(json.dumps(missing))
            family = Family(folder)
            try:
                command = [sys.executable, str(WORKERS / "cases.py"), "cases.json"]
                found.update(finish(family.start(command), family).json())
            finally:
                family.end()
        return {name: found[name] for name in names}

    return of


def check(found: Outcomes, serial: Outcomes, blocks: int) -> None:
    assert found.keys() == serial.keys()
    for name, (digest, numbers, grid) in found.items():
        assert digest == serial[name][0], f"{name}: another field on {grid}"
        assert numbers == serial[name][1], f"{name}: other numbers on {grid}"
        assert math.prod(grid) == blocks


@pytest.mark.parametrize(
    ("names", "same"), [(FEW, 0), pytest.param(ALL, 1, marks=pytest.mark.long)], ids=["few", "all"]
)
def test_cases_differ(names: list[str], same: int, serial: Serial) -> None:
    """Depth and tile are no part of a case: of all of them, two are the same."""
    assert len({digest for digest, _, _ in serial(names).values()}) == len(names) - same


@pytest.mark.parametrize(
    ("ranks", "parallel", "blocks", "names"),
    [
        (2, {"transport": "mpi"}, 2, FEW),
        pytest.param(2, {"transport": "mpi"}, 2, ALL, marks=pytest.mark.long),
        pytest.param(3, {"transport": "mpi"}, 3, ALL, marks=pytest.mark.long),
        pytest.param(4, {"transport": "mpi"}, 4, ALL, marks=pytest.mark.long),
        pytest.param(2, {"transport": "hybrid", "devices": 2}, 4, ALL, marks=pytest.mark.long),
        pytest.param(2, {"transport": "xla", "devices": 2}, 4, ALL, marks=pytest.mark.long),
        pytest.param(2, {"transport": "xla", "devices": 1, "halo": "psum"}, 2, ALL, marks=pytest.mark.long),
        pytest.param(16, {"transport": "mpi"}, 16, DIMENSIONS, marks=pytest.mark.long),
    ],
    ids=["mpi-2-few", "mpi-2", "mpi-3", "mpi-4", "hybrid-2x2", "xla-2x2", "xla-2-psum", "mpi-16"],
)
def test_over_ranks(
    ranks: int,
    parallel: dict[str, Any],
    blocks: int,
    names: list[str],
    mpirun: Callable[..., Ended],
    serial: Serial,
    tmp_path: Path,
) -> None:
    deep = {name: case for name, case in tables(parallel, deep=True).items() if name in names}
    if ranks == 16:  # where a block of 11 × 13 × 17 cells has few to give; each rank compiles, so one a dimension
        deep = {name: {**case, "parallel": {**parallel, "ghost_depth": 2}} for name, case in deep.items()}
    (tmp_path / "cases.json").write_text(json.dumps(deep))
    found = mpirun(ranks, str(WORKERS / "cases.py"), "cases.json", timeout=500).json()
    check(found, serial(names), blocks)


@pytest.mark.long
def test_by_hand_without_mpi(family: Family, tmp_path: Path) -> None:
    """Two processes that meet at an address, of two devices each, so that the transport is xla; then the same case
    alone."""

    def command(*more: str) -> list[str]:
        sets = ["--set", "grid.x.cells=41", "--set", "grid.y.cells=37", "--set", "time.end=0.002", "--json"]
        return [sys.executable, "-m", "sim", "run", *sets, *more]

    where = ["--devices", "2", "--coordinator", f"127.0.0.1:{free_port()}", "--processes", "2"]
    processes = [family.start(command("--output", "two", *where, "--process", str(i))) for i in (1, 0)]
    ended = [finish(process, family) for process in processes]
    assert [e.code for e in ended] == [0, 0], ended[0].stderr[-2000:] + ended[1].stderr[-2000:]
    alone = finish(family.start(command("--output", "one", "--transport", "serial")), family).json()
    two = ended[1].json()
    assert two["process_grid"] != alone["process_grid"] and two["statistics"] == alone["statistics"]
    ones, twos = (sorted((tmp_path / name / "snapshots").iterdir()) for name in ("one", "two"))
    assert [a.read_bytes() for a in ones] == [b.read_bytes() for b in twos] and len(ones) > 1


@pytest.mark.parametrize(
    "asked", [pytest.param("--tune", marks=pytest.mark.long), "--no-tune"], ids=["tuned", "by the rule"]
)
def test_ranks_on_unlike_machines_choose_the_same(asked: str, mpirun: Callable[..., Ended], tmp_path: Path) -> None:
    """The smallest cache decides: to one with more, blocks that outgrow it would not be worth trying tiles."""
    sizes = ["--set", "grid.x.cells=96", "--set", "grid.y.cells=80", "--set", "time.end=1e-4"]
    command = [str(WORKERS / "unlike.py"), "run", "heat2d", *sizes, asked, "--output", str(tmp_path / "D")]
    ended = mpirun(2, *command, SIM_CACHE="off")
    assert ended.code == 0, ended.stderr[-3000:]
    tuned = json.loads((tmp_path / "D/run.json").read_text())["tuning"]
    if asked == "--no-tune":
        assert tuned["why"] == "rule" and tuned["stages"] > 1
    else:  # What is fastest of them is for the machine to say.
        assert tuned["why"] == "measured" and any(stages > 1 and tile for stages, tile, _ in tuned["trials"])
