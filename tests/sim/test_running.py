"""Stepping from Python: the bits of a run, and what a caller puts in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
from sim.errors import SimError
from sim.subprocesses import clean_environment, with_our_package
from tests.cases import table
from tests.steering import at_outputs, steered

WAYS: dict[str, dict[str, Any]] = {
    "explicit": {},
    "rkl2": {"time": {"end": 0.3, "integrator": "rkl2"}},
    "adaptive": {"time": {"end": 0.3, "integrator": "bs23"}},
    "bdf2": {"time": {"end": 0.3, "integrator": "bdf2", "step": 0.02}},
    "steady": {"time": {"end": 0.3, "steady": True}},
    "virtual": {"parallel": {"transport": "virtual", "blocks": 4}},
    "regions": {"regions": [{"box": {"x": [0.2, 1.4]}, "set": 0.5, "times": [0.04, 0.1, 0.17]}]},
    "members": {"ensemble": {"vary": {"equation.alpha": [0.3, 0.7, 0.45]}}, "exact": {}},
}
LONG = ("bdf2", "rkl2", "steady", "virtual", "regions")
PROBES = {"every": 7, "points": {"middle": {"at": {"x": 1.0, "y": 1.0}}}}


def long_ones(ways: Iterable[str]) -> list[Any]:
    return [pytest.param(way, marks=[pytest.mark.long] if way in LONG else []) for way in ways]


@pytest.mark.parametrize("way", long_ones(WAYS))
def test_the_bits_are_those_of_a_run(way: str, tmp_path: Path) -> None:
    case = {**table(2, "float64"), "probes": PROBES, **WAYS[way]}
    case["output"] = {} if way == "steady" else {"every": 0.1}
    result = sim.run(case, output=tmp_path / "run")
    with h5py.File(result.series) as file, sim.start(case) as running:
        times = file["time"][:]
        for number, u in enumerate(at_outputs(running, times)):
            snapshot = file["u"][:, number] if way == "members" else file["u"][number]
            assert u.dtype == snapshot.dtype and u.tobytes() == snapshot.tobytes()
        assert (running.step, running.time) == (result.steps, result.time)
        assert running.statistics() == result.statistics
        taken = running.probes()
    with h5py.File(tmp_path / "run" / "probes.h5") as file:
        for name, values in taken.items():
            assert np.array_equal(values, file[name][:])


@pytest.mark.parametrize("way", long_ones(["explicit", "adaptive", "bdf2", "virtual", "members"]))
def test_what_is_put_is_what_goes_on(way: str) -> None:
    """A field put back as it is changes nothing; another one, and another source, are stepped from there."""
    case = {**table(2, "float64"), **WAYS[way]}
    with sim.start(case) as running, sim.start(case) as other:
        running.advance(to=0.1)
        other.put("u", running.whole("u"))
        other.put("source", lambda place: np.zeros([cells.stop - cells.start for cells in place]))
        other.advance(to=0.05)
        began = {"initial": {"u": 0.0}, "equation": {"kind": "heat", "alpha": 0.7, "source": "0 * x"}}
        began = began if way != "members" else {"initial": {"u": 0.0}}
        with sim.start({**case, **began, "exact": {}}) as third:
            third.put("u", running.whole("u"))
            if way == "members":
                third.put("source", 0.0)
            third.advance(to=0.05)
            assert np.array_equal(third.whole("u"), other.whole("u"))
        running.put("u", 1.5)
        assert (running.whole("u") == 1.5).all() and running.time == 0.1
        running.advance(to=0.12)
        assert not (running.whole("u") == 1.5).all()


@pytest.mark.parametrize("parallel", [{}, {"transport": "virtual", "blocks": 4}], ids=["serial", "virtual"])
def test_functions_are_asked_for_the_places_of_blocks_of_members_too(parallel: dict[str, Any]) -> None:
    with sim.start({**table(2, "float64"), **WAYS["members"], "parallel": parallel}) as running:
        before, held = running.whole("u"), {str(place): u for place, u in running.blocks("u")}
        running.put("u", lambda place: held.pop(str(place)) + 1.0)
        assert not held and np.array_equal(running.whole("u"), before + 1.0)


def test_a_number_stays_one_and_the_step_follows() -> None:
    case = {**table(1, "float64"), "time": {"end": 1.0, "integrator": "euler"}, "exact": {}}
    with sim.start(case) as running:
        running.advance(to=0.1)
        before = running.step
        running.put("alpha", 1.4)
        running.advance(to=0.2)
        assert running.step - before == pytest.approx(2 * before, abs=2)
    fixed = {**case, "time": {"end": 1.0, "integrator": "euler", "step": 0.005}}
    with sim.start(fixed) as running:
        running.advance(to=0.1)
        running.put("alpha", 700.0)
        with pytest.raises(SimError, match="unstable"):
            running.advance(to=0.2)
        running.put("alpha", 0.7)
        running.advance(to=0.2)
        found = running.whole("u")
    with sim.start({**case, "time": {"end": 0.2, "integrator": "euler", "step": 0.005}}) as other:
        other.advance(to=0.1)
        other.advance(to=0.2)
        assert other.whole("u").tobytes() == found.tobytes()


def test_it_ends_with_its_block() -> None:
    with sim.start(table(1, "float64")) as running:
        running.advance(to=0.01)
    for use in (lambda: running.advance(to=0.02), lambda: running.put("u", 1.0), lambda: running.whole("u")):
        with pytest.raises(SimError, match="has ended"):
            use()


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("v", 1.0, "nothing here is called 'v'; what can be put is u, alpha, source"),
        ("u", "warm", "give real numbers"),
        ("u", 1j, "complex128 values were given"),
        ("u", [[1.0], [2.0, 3.0]], "is no array"),
        ("u", np.ones(3), r"the shape \(3,\) was given, and there are \(29, 23\) cells"),
        ("u", lambda place: np.ones(2), r"the function gave the shape \(2,\) for a place of \(\d+, \d+\) cells"),
        ("u", np.nan, "u is nan at"),
        ("u", np.ma.masked_less(np.eye(29, 23), 0.5), "644 of the values given are masked"),
        ("alpha", np.ones((29, 23)), "alpha is one number in this case"),
        ("alpha", [], "alpha is one number in this case"),
        ("alpha", [[1.0], [2.0, 3.0]], "is no array"),
        ("alpha", -1.0, "alpha is -1.0; it must be finite in float32 and at least 0"),
        ("alpha", 1e300, "finite in float32"),
        ("alpha", 1e-300, "alpha is 1e-300, which is 0 in float32"),
    ],
)
def test_what_can_not_be_put(name: str, values: Any, said: str) -> None:
    with sim.start(table(2, "float32")) as running:
        running.advance(to=0.01)
        before = running.whole("u")
        with pytest.raises(SimError, match=said):
            running.put(name, values)
        assert np.array_equal(running.whole("u"), before)
        running.advance(to=0.02)


def test_times_that_are_past_or_none_and_fields_that_are_not_there() -> None:
    with sim.start(table(2, "float64")) as running:
        running.advance(to=0.02)
        for to in (0.01, float("nan"), float("inf")):
            with pytest.raises(SimError, match="give a later time"):
                running.advance(to=to)
        with pytest.raises(SimError, match="the time to advance to, a number; got 'soon'"):
            running.advance(to="soon")  # type: ignore[arg-type]
        running.advance(to=0.02)
        assert running.time == 0.02
        for look in (running.whole, lambda name: list(running.blocks(name))):
            with pytest.raises(SimError, match="there is no field 'w'; there are u, "):
                look("w")


def test_fields_that_blow_up_are_said_to() -> None:
    case = {**table(1, "float32", "rings"), "exact": {}}
    grows = {**case, "equation": {"u": "u**3"}, "time": {"end": 1.0, "step": 0.01}}
    with sim.start(grows) as running, pytest.raises(SimError, match=r"blew up: .*its fields are lost"):
        running.advance(to=100.0)


def test_blocks_are_copies() -> None:
    with sim.start({**table(2, "float64"), "parallel": {"transport": "serial"}}) as running:
        ((_, u),) = running.blocks("u")
        before = u.copy()
        u[0, 0] = 7.0
        running.advance(to=0.1)
        assert np.array_equal(u[1:], before[1:]) and not np.array_equal(running.whole("u"), before)
        assert running.statistics()["u"]["max"] < 3.0


_DEVICES = """
import json, sys
import sim
from tests.steering import steered
print(json.dumps(steered(json.loads(sys.argv[1]))))
"""


@pytest.mark.long
@pytest.mark.parametrize("transport", ["xla", "auto-sharded"])
def test_steered_on_devices_as_on_one(transport: str) -> None:
    case = table(2, "float64")
    parallel = {"transport": transport, "devices": 4}
    command = [sys.executable, "-c", _DEVICES, json.dumps({**case, "parallel": parallel})]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=clean_environment(), check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == steered(case)


HANGING = """
import json, sys, time
import sim
from sim.simulation import Simulation
with sim.start(json.loads(sys.argv[1])) as running:
    running.advance(to=0.01)
    time.sleep(5)
    print("the caller's own time", flush=True)
    Simulation.broken_cells = lambda self: time.sleep(1000)
    running.advance(to=0.02)
"""


@pytest.mark.long
def test_a_call_that_gets_no_further_is_ended_by_the_watchdog(small: Callable[..., dict[str, Any]]) -> None:
    case = json.dumps(small((9,), parallel__watchdog=4.0))
    command, env = [sys.executable, "-c", HANGING, case], with_our_package(os.environ)
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=90, check=False)
    assert (done.returncode, done.stdout) == (3, "the caller's own time\n"), done.stderr
    assert "rank 0 has got no further for 4 s: advancing from step" in done.stderr
