"""What scripts and notebooks hand to `sim.run`, and what they find afterwards."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sim
from sim import casefile
from sim.errors import SimError

Small = Callable[..., dict[str, Any]]
Fields = Callable[[Path], list[np.ndarray]]

pytestmark = pytest.mark.usefixtures("elsewhere")


# ---------------------------------------------------------------------------------------------------- what goes in


def test_numbers_lists_and_paths_of_a_program_are_those_of_a_case(small: Small) -> None:
    """None of numpy's or JAX's own is left: a case is written as TOML."""
    plain = small(equation__alpha=0.5, numerics__reproducible=False, initial__u={"file": "u.npy"})
    plain["ensemble"] = {"kind": "product", "vary": {"equation.alpha": [0.25, 0.5]}}
    given = small(equation__alpha=jnp.float32(0.5), numerics__reproducible=np.bool_(False))
    given["grid"]["x"]["cells"] = np.int64(given["grid"]["x"]["cells"])
    given["grid"]["y"]["upper"] = np.float64(given["grid"]["y"]["upper"])
    given["initial"]["u"] = {"file": Path("u.npy")}
    given["ensemble"] = {"kind": np.str_("product"), "vary": {"equation.alpha": np.linspace(0.25, 0.5, 2)}}
    assert casefile.to_toml(casefile.load(given)) == casefile.to_toml(casefile.load(plain))
    given["ensemble"]["vary"]["equation.alpha"] = (np.float32(0.25), 0.5)
    assert casefile.to_toml(casefile.load(given)) == casefile.to_toml(casefile.load(plain))
    assert isinstance(given["grid"]["x"]["cells"], np.int64)


@pytest.mark.parametrize("values", [[1.0, 2.0], np.ones(12), np.ones((12, 16)), jnp.ones((12, 16))], ids=type)
def test_a_field_in_an_array_goes_by_a_file(small: Small, values: Any) -> None:
    with pytest.raises(SimError, match=r"initial\.u: is a number, a formula, or a file .* numpy\.save") as caught:
        sim.run(small(initial__u=values))
    assert str(caught.value).count("\n") == 1


@pytest.mark.parametrize("number", [np.ma.masked, np.float32("nan"), np.complex64(1), np.float64, None], ids=repr)
def test_what_is_no_number_is_none_of_numpys_either(small: Small, number: Any) -> None:
    with pytest.raises(SimError, match="equation.alpha: Input should be a"):
        sim.run(small(equation__alpha=number))


BAD_ARGUMENTS = {
    "no case": (lambda case: sim.run(None), "a case is a built-in name, .*; got None"),
    "a number": (lambda case: sim.run(42), "a case is a built-in name, .*; got 42"),
    "a text of overrides": (lambda case: sim.run(case, overrides="time.end=1.0"), r"a list of .*; got 'time.end=1.0'"),
    "a table of overrides": (lambda case: sim.run(case, overrides={"time.end": 1.0}), "a list of texts"),
    "overrides once": (lambda case: sim.run(case, overrides=(each for each in ["time.end=1.0"])), "a list of texts"),
    "pairs": (lambda case: sim.run(case, overrides=[("time.end", 1.0)]), "a list of texts"),
    "a number for a place": (lambda case: sim.run(case, output=42), "output is the path of a run's directory; got 42"),
    "no name for a place": (lambda case: sim.run(case, output=""), "output is the path of a run's directory; got ''"),
    "no place": (lambda case: sim.run(case, output=False), "output is the path of a run's directory; got False"),
    "no place's name": (lambda case: sim.run(case, output="a\0b"), r"output is the path of .*; got 'a\\x00b'"),
    "a word for a flag": (
        lambda case: sim.run(case, output="out", overwrite="no"),
        "overwrite is True or False; got 'no'",
    ),
    "a number for a flag": (lambda case: sim.run(case, monitor=2), "monitor is True or False; got 2"),
    "nowhere to go on": (lambda case: sim.resume(""), "directory is the path of a run's directory; got ''"),
    "nothing to go on": (lambda case: sim.resume(None), "directory is the path of a run's directory; got None"),
    "a name for ranks": (lambda case: sim.run(case, comm="world"), "communicator of mpi4py, .*; got 'world'"),
    "a place to meet": (lambda case: sim.run(case, rendezvous="host:1"), r"sim.distributed.Rendezvous\(.*'host:1'"),
}


@pytest.mark.parametrize(("call", "words"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS)
def test_arguments_that_make_no_sense(small: Small, call: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(SimError, match=words):
        call(small())
    assert not list(Path().iterdir())


def test_a_communicator_has_to_be_one_of_this_process(small: Small, single_rank_mpi: Any) -> None:
    class Null(single_rank_mpi.Comm):  # type: ignore[misc]
        def __bool__(self) -> bool:
            return False

    for comm, words in ((Null([]), "this process is not in it"), (single_rank_mpi, "a communicator of mpi4py")):
        with pytest.raises(SimError, match=words):
            sim.run(small(), comm=comm)
    single_rank_mpi.Intracomm = Null
    with pytest.raises(SimError, match="between two groups"):
        sim.run(small(), comm=single_rank_mpi.COMM_WORLD)


def test_a_notebook_completes_what_there_is() -> None:
    """Though it is imported only where it is used."""
    assert {"run", "resume", "start"} < set(dir(sim)) and all(hasattr(sim, name) for name in dir(sim))


# ----------------------------------------------------------------------------------------------- what is left behind


def test_a_result_is_found_from_anywhere(small: Small) -> None:
    result = sim.run(small(), output="out")
    os.chdir("/")
    assert result.series.is_file() and all(path.is_file() for path in result.snapshots)
    assert sim.resume(result.directory).directory == result.directory


@pytest.fixture
def single_precision() -> Any:
    before = jax.config.values["jax_enable_x64"]
    jax.config.update("jax_enable_x64", False)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.mark.parametrize("fails", [False, True])
def test_the_callers_precision_is_kept(small: Small, fails: bool, single_precision: None) -> None:
    if fails:
        with pytest.raises(SimError):
            sim.run(small(time__step=9.0), output="out")
    else:
        result = sim.run(small(), output="out")
        assert jnp.arange(3.0).dtype == jnp.float32
        sim.resume(result.directory, overrides=["time.end=0.05"])
    assert jnp.arange(3.0).dtype == jnp.float32


def test_a_run_is_the_same_whatever_the_caller_has_set(small: Small, fields: Fields) -> None:
    """Else a case in float64 would be computed in float32."""
    expected = fields(sim.run(small(), output="plain").directory)
    with jax.enable_x64(False), jax.numpy_dtype_promotion("strict"):
        found = fields(sim.run(small(), output="out").directory)
        assert jnp.arange(3.0).dtype == jnp.float32
    assert jnp.arange(3.0).dtype == jnp.float64
    assert [u.tobytes() for u in found] == [u.tobytes() for u in expected]


@pytest.mark.parametrize("key", ["name", "grid__x__cells", "output__every", "sources", "equation__alpha"])
@pytest.mark.parametrize("start", [sim.run, lambda case: sim.start(case).__enter__()], ids=["run", "start"])
def test_what_is_no_value_at_all_is_refused_by_its_key(start: Any, key: str, small: Small) -> None:
    for given in (math, (one for one in (1, 2))):
        case = small((9,), **{key: {}})
        *path, last = key.split("__")
        functools.reduce(dict.__getitem__, path, case)[last] = given
        with pytest.raises(
            SimError, match=rf"\n  {key.replace('__', '.')}: Input should be .*; got <(module|generator)"
        ):
            start(case)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_a_process_goes_on_after_an_exception(
    small: Small, fields: Fields, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another writer would be kept from, a lock, and what other signals would be heard by, is given back."""

    def broken(self: Any) -> int:
        raise error("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr("sim.simulation.Simulation.broken_cells", broken)
        with pytest.raises(error, match="in the middle"):
            sim.run(small(), output="out")
    again = sim.run(small(), output="out", overwrite=True)
    expected = sim.run(small(), output="expected")
    assert [u.tobytes() for u in fields(again.directory)] == [u.tobytes() for u in fields(expected.directory)]
