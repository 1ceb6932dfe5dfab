"""A simulation that an MPI program steers: the bits of one rank, and one word of all where something is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cases import table
from tests.gradients import VARYING

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
    times, values, number, name, whole = found["said"]
    assert times.startswith("ranks want to advance to different times, 0.01")
    assert values.startswith("u is nan at")
    assert number == "ranks want to put different things, alpha = 0.1 and alpha = 0.2; agree"
    assert name == "ranks want to put different things, u and source; agree"
    assert whole.startswith(f"u: no rank of {ranks} holds the whole field")


@pytest.mark.parametrize("transport", ["mpi", pytest.param("xla", marks=pytest.mark.long)])
def test_members_are_steered_by_those_who_have_them(
    transport: str, mpirun: Callable[..., Ended], tmp_path: Path
) -> None:
    """Of four members on three ranks the last one has none."""
    ensemble = {"vary": {"equation.alpha": [0.3, 0.7, 0.45, 0.6]}}
    case = {**table(2, "float64"), "exact": {}, "ensemble": ensemble, "parallel": {"transport": transport}}
    (tmp_path / "case.json").write_text(json.dumps(case))
    found = mpirun(3, str(WORKERS / "members.py"), "case.json", timeout=200).json()
    assert found["together"] == found["alone"]


_GRADIENT = """
import json
from pathlib import Path
import numpy as np
from mpi4py import MPI
import sim
from tests.gradients import loss
case, comm = json.loads(Path("case.json").read_text()), MPI.COMM_WORLD
seen = np.sin(np.arange(23 * 29.0)).reshape(29, 23)
with sim.start(case, comm=comm) as running:
    gradient = running.gradient(loss, to=0.03, data={"seen": lambda place: seen[place]})
    mine = {name: gradient.blocks(name) for name in ("u", "k")}
    found = (gradient.value, float(gradient.whole("r")))
    said = ""
    try:
        running.gradient(loss, to=0.03 + 0.01 * comm.Get_rank(), data={"seen": 0.0})
    except sim.SimError as error:
        said = str(error)
every = comm.gather((found, mine, said))
if comm.Get_rank() == 0:
    with sim.start({**case, "parallel": {"transport": "serial"}}, comm=MPI.COMM_SELF) as running:
        alone = running.gradient(loss, to=0.03, data={"seen": seen})
    off = 0.0
    for numbers, parts, words in every:
        assert numbers[0] == alone.value and words.startswith("ranks want to advance to different times")
        off = max(off, abs(numbers[1] / alone.whole("r") - 1))
        for name, blocks in parts.items():
            whole = alone.whole(name)
            off = max([off, *(abs(u - whole[place]).max() / abs(whole).max() for place, u in blocks)])
    print(json.dumps(off))
"""


@pytest.mark.parametrize(
    ("ranks", "transport", "devices"),
    [
        (2, "mpi", None),
        pytest.param(3, "mpi", None, marks=pytest.mark.long),
        pytest.param(2, "hybrid", 2, marks=pytest.mark.long),
        pytest.param(2, "xla", None, marks=pytest.mark.long),
    ],
)
def test_gradients_on_ranks_as_on_one(
    ranks: int, transport: str, devices: int | None, mpirun: Callable[..., Ended], tmp_path: Path
) -> None:
    parallel = {"transport": transport} if devices is None else {"transport": transport, "devices": devices}
    case = {**table(2, "float64", "walls"), "exact": {}, "equation": VARYING, "parallel": parallel}
    case["time"] = {"end": 0.1, "integrator": "heun"}
    (tmp_path / "case.json").write_text(json.dumps(case))
    assert mpirun(ranks, "-c", _GRADIENT, timeout=200).json() < 1e-12


_CONNECTED = """
import json
from pathlib import Path
from mpi4py import MPI
import sim
case = json.loads(Path("case.json").read_text())
with sim.start(case, comm=MPI.COMM_WORLD) as running:
    running.advance(to=0.01)
try:
    with sim.start(case, comm=MPI.COMM_SELF) as running:
        said = "nothing"
except sim.SimError as error:
    said = str(error)
if MPI.COMM_WORLD.allgather(said)[0] == said and MPI.COMM_WORLD.Get_rank() == 0:
    print(json.dumps(said))
"""


def test_processes_that_xla_connects_run_together(mpirun: Callable[..., Ended], tmp_path: Path) -> None:
    """Else each of them would take the part of the field that it has for the whole."""
    (tmp_path / "case.json").write_text(json.dumps({**table(2, "float64"), "parallel": {"transport": "xla"}}))
    said = mpirun(2, "-c", _CONNECTED, timeout=90).json()
    assert said.startswith("XLA has connected 2 processes, for good, and these are 1 of them; give a communicator")


_ALONE = """
import json
from pathlib import Path
from mpi4py import MPI
import sim
with sim.start(json.loads(Path("case.json").read_text()), comm=MPI.COMM_WORLD) as running:
    if MPI.COMM_WORLD.Get_rank() == 0:
        running.whole("u")
    running.advance(to=0.02)
"""


@pytest.mark.long
def test_what_one_rank_asks_in_vain_ends_a_program(mpirun: Callable[..., Ended], tmp_path: Path) -> None:
    """Else the others would wait for it for ever."""
    (tmp_path / "case.json").write_text(json.dumps(table(2, "float64")))
    ended = mpirun(2, "-c", _ALONE, timeout=90)
    assert ended.code == 1
    assert "no rank of 2 holds the whole field" in ended.stderr and "rank 0 can't go on" in ended.stderr


_EARLY = """
import json
from pathlib import Path
from mpi4py import MPI
import sim
said = []
for does in (lambda it: it.advance(to=0.02), lambda it: it.put("u", 1.0), lambda it: it.statistics()):
    try:
        with sim.start(json.loads(Path("case.json").read_text()), comm=MPI.COMM_WORLD) as running:
            if MPI.COMM_WORLD.Get_rank() == 0:
                does(running)
    except sim.SimError as error:
        said.append(str(error))
if MPI.COMM_WORLD.allgather(said)[0] == said and MPI.COMM_WORLD.Get_rank() == 0:
    print(json.dumps(said))
"""


@pytest.mark.parametrize("transport", ["mpi", pytest.param("xla", marks=pytest.mark.long)])
def test_who_leaves_early_is_named_to_all(transport: str, mpirun: Callable[..., Ended], tmp_path: Path) -> None:
    """Else the others would wait for it for ever, and no error would end them."""
    (tmp_path / "case.json").write_text(json.dumps({**table(2, "float64"), "parallel": {"transport": transport}}))
    said = mpirun(2, "-c", _EARLY, timeout=90).json()
    what = [one.partition(";")[0] for one in said]
    called = ("advance", "put", "statistics")
    assert what == [f"rank 0 has called `{name}`, and rank 1 has left the `with` of sim.start" for name in called]
