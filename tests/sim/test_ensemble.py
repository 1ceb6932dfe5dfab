"""Ensembles: each member has the bits that it has alone, and its place in the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

import sim
from sim import casefile
from sim.equations import model_of
from sim.equations.signature import signature
from sim.errors import SimError
from sim.looking.field import fields_of
from sim.output.merge import merge
from tests.cases import table

ALPHAS = [0.3, 0.7, 0.45]
FIELDS = ["sin(3 * x) + x", "x * x", "1 + 0.1 * x"]
VARY = {"equation.alpha": ALPHAS, "initial.u": FIELDS}

PLACES: dict[str, dict[str, Any]] = {
    "serial": {"transport": "serial", "ghost_depth": 2},
    "serial, at once": {"transport": "serial", "ghost_depth": 3, "members_at_once": True},
    "tiles": {"transport": "serial", "ghost_depth": 4, "tile": [2]},
    "virtual": {"transport": "virtual", "blocks": 3, "ghost_depth": 2},
    "virtual, at once": {"transport": "virtual", "blocks": 3, "ghost_depth": 2, "members_at_once": True},
    "xla": {"transport": "xla", "devices": 4, "ghost_depth": 2, "members": "together"},
    "xla, at once": {"transport": "xla", "devices": 4, "members": "together", "members_at_once": True},
    "spread": {"transport": "xla", "devices": 2, "ghost_depth": 2},
    "spread, at once": {"transport": "xla", "devices": 4, "members": "spread", "members_at_once": True},
    "auto-sharded": {"transport": "auto-sharded", "devices": 4, "ghost_depth": 2},
}


def ensemble(case: dict[str, Any], vary: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**case, "ensemble": {"vary": vary, **more}}


def alone(case: dict[str, Any], folder: Path) -> list[tuple[np.ndarray, Any]]:
    """Field and numbers of each member in a run of its own."""
    found = []
    for number, member in enumerate(casefile.load(case).members()):
        result = sim.run(member, output=folder / f"alone-{number}", overrides=['parallel.transport="serial"'])
        with h5py.File(result.series) as file:
            found.append((file["u"][:], (result.statistics, result.errors)))
    return found


def together(case: dict[str, Any], where: dict[str, Any], output: Path) -> list[tuple[np.ndarray, Any]]:
    result = sim.run({**case, "parallel": where}, output=output)
    assert result.members is not None
    with h5py.File(result.series) as file:
        fields = file["u"][:]
    assert len(fields) == len(result.members)
    return [(u, (m.statistics, m.errors)) for u, m in zip(fields, result.members, strict=True)]


def check(case: dict[str, Any], places: list[str], folder: Path) -> None:
    expected = alone(case, folder)
    assert len({u.tobytes() for u, _ in expected}) == len(expected), "members differ"
    for place in places:
        found = together(case, PLACES[place], folder / place)
        for number, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
            assert mine[0].tobytes() == theirs[0].tobytes(), f"member {number} has other bits on {place}"
            assert mine[1] == theirs[1], f"member {number} has other numbers on {place}"


@pytest.mark.long
def test_each_member_has_the_bits_of_its_own_run(tmp_path: Path) -> None:
    places = [place for place in PLACES if place != "virtual"]
    check(ensemble(table(2, "float32"), VARY), places, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize(("ndim", "dtype"), [(1, "float64"), (3, "float64")])
def test_in_other_dimensions(ndim: int, dtype: str, tmp_path: Path) -> None:
    check(ensemble(table(ndim, dtype), VARY), ["virtual", "xla, at once", "spread"], tmp_path)


@pytest.mark.long
def test_coefficients_that_vary_in_space(tmp_path: Path) -> None:
    case = table(2, "float32")
    case["equation"] |= {"alpha": "0.4 + 0.1 * sin(3 * x)"}
    vary = {"equation.source": ["x", "x * y"], "initial.u": ["x", "y"]}
    check(ensemble(case, vary), ["serial", "xla, at once"], tmp_path)


def plate(**ensemble: Any) -> dict[str, Any]:
    case = table(2, "float64")
    return {**case, "ensemble": ensemble}


def members(**ensemble: Any) -> list[tuple[Any, ...]]:
    found = casefile.load(plate(**ensemble)).members()
    return [(member.equation.alpha, member.initial["u"]) for member in found]


def test_lists_together_and_in_all_combinations() -> None:
    vary = {"equation.alpha": [0.1, 0.2], "initial.u": ["x", "y"]}
    assert members(vary=vary) == [(0.1, "x"), (0.2, "y")]
    assert members(kind="product", vary=vary) == [(0.1, "x"), (0.1, "y"), (0.2, "x"), (0.2, "y")]


def test_samples_are_those_of_their_seed() -> None:
    vary = {"equation.alpha": {"loguniform": [0.01, 0.1]}, "initial.u": {"normal": [5.0, 1.0]}}
    few, many, others = (
        members(kind="samples", count=count, seed=seed, vary=vary) for count, seed in ((3, 1), (200, 1), (3, 2))
    )
    assert many[:3] == few and others != few
    assert all(0.01 <= alpha <= 0.1 for alpha, _ in many)
    assert 0.4 < np.mean([alpha < np.sqrt(0.001) for alpha, _ in many]) < 0.6
    assert abs(np.mean([u for _, u in many]) - 5.0) < 0.3


@pytest.mark.parametrize(
    ("ensemble", "message"),
    [
        ({"vary": {"grid.x.cells": [8.0, 16.0]}}, "grid.x.cells can't vary: all members share"),
        ({"vary": {"initial": ["x"]}}, "initial can't vary"),
        ({"vary": {"equation.kind": ["heat", "wave"]}}, "equation.kind can't vary"),
        ({"vary": {"initial.v": ["x"]}}, "member 0, of initial.v = 'x': initial.v is no field"),
        ({"vary": {"equation.alfa": [0.1]}}, "member 0, of equation.alfa = 0.1: equation.alfa: Extra inputs"),
        ({"vary": {"equation.alpha": [0.1, -0.1]}}, "member 1, of equation.alpha = -0.1: equation.alpha: "),
        ({"vary": {"initial.u": ["x", "x +"]}}, "member 1, of initial.u = 'x [+]': initial.u"),
        ({"vary": {"equation.alpha": []}}, "equation.alpha is an empty list"),
        ({"vary": {}}, "at least 1 item"),
        ({"vary": {"equation.alpha": [0.1], "initial.u": ["x", "y"]}}, "lists of one length, and equation.alpha has 1"),
        ({"vary": {"equation.alpha": {"uniform": [0.0, 1.0]}}}, "kind zip takes a list"),
        ({"kind": "samples", "vary": {"equation.alpha": {"uniform": [0.0, 1.0]}}}, "count is for kind samples"),
        ({"kind": "samples", "count": 2, "vary": {"equation.alpha": [0.1]}}, "kind samples takes a distribution"),
        ({"kind": "samples", "count": 2, "vary": {"equation.alpha": {}}}, "give one of uniform, normal, loguniform"),
        ({"kind": "samples", "count": 2, "vary": {"equation.alpha": {"uniform": [1.0, 0.0]}}}, "upper bound"),
        ({"kind": "samples", "count": 2, "vary": {"equation.alpha": {"loguniform": [0.0, 1.0]}}}, "greater than 0"),
        ({"kind": "product", "vary": {f"initial.u{i}": [1.0] * 20 for i in range(3)}}, "at most 4096 members"),
        ({"vary": {"equation.mean.x": [1.0]}}, "mean is a value, not a table"),
    ],
)
def test_what_is_no_ensemble(ensemble: dict[str, Any], message: str) -> None:
    with pytest.raises(SimError, match=message):
        casefile.load(plate(**ensemble))


@pytest.mark.parametrize(
    "vary",
    [{"equation.alpha": [0.1, "0.1 + x"]}, {"equation.mean": ["arithmetic", "harmonic"], "equation.alpha": ["x", "x"]}],
)
def test_members_that_take_another_program(vary: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SimError, match="member 1 of the ensemble takes another program than member 0"):
        sim.run(plate(vary=vary), output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


WRITTEN = {
    "u": "D * laplace(u) + u - u**3 + s",
    "parameters": {"D": 0.05},
    "coefficients": {"s": "x"},
}


def test_parameters_of_formulas_vary(tmp_path: Path) -> None:
    case = {**table(1, "float64", "rings"), "equation": WRITTEN, "exact": {}}
    vary = {"equation.parameters.D": [0.05, 0.02], "equation.coefficients.s": ["x", "1 - x"]}
    check(ensemble(case, vary), ["serial"], tmp_path)


@pytest.mark.parametrize("text", ["D * laplace(u) + u - u**2 + s", "D * laplace(u) + u - u**3 - s", "laplace(u) / D"])
def test_other_formulas_are_other_programs(text: str, tmp_path: Path) -> None:
    case = {**table(1, "float64", "rings"), "equation": WRITTEN, "exact": {}}
    with pytest.raises(SimError, match="takes another program"):
        sim.run(ensemble(case, {"equation.u": [WRITTEN["u"], text]}), output=tmp_path / "run")


@pytest.mark.parametrize("name", ["heat2d", "burgers", "gray-scott", "porous", "hillslope"])
def test_an_equation_is_its_own_program(name: str) -> None:
    case = casefile.load(name)
    assert signature(model_of(case).equation) == signature(model_of(case).equation)


def test_what_an_ensemble_does_not_go_with(tmp_path: Path) -> None:
    case = plate(vary={"equation.alpha": [0.1]})
    with pytest.raises(SimError, match='"spread" is for mpi, xla and hybrid, and this is virtual'):
        sim.run({**case, "parallel": {"transport": "virtual", "members": "spread"}}, output=tmp_path / "run")


def test_members_that_blow_up_are_named(tmp_path: Path) -> None:
    vary = {"initial.u": ["x", "1e38 * sin(40 * x)", "y", "1e38 * sin(40 * y)"]}
    case = {**table(2, "float32"), "ensemble": {"vary": vary}}
    case["equation"]["source"] = "3e38 * sin(9 * x)"
    with pytest.raises(SimError, match=r"the field of members 1, 3 blew up: \d+ of 2668 cells"):
        sim.run(case, output=tmp_path / "run")
    with h5py.File(tmp_path / "run" / "snapshots" / "0.h5") as file:
        assert file["u"].shape[0] == 4 and np.isfinite(file["u"][:]).all()


def test_files(tmp_path: Path) -> None:
    """Coordinates, a slice beside, packing, one file of all; a formula of each member as text."""
    case = plate(kind="product", vary={"equation.alpha": [0.2, 0.4], "initial.u": ["x", "y", "x * y"]})
    case["output"] |= {"extra": {"line": {"at": {"y": 1.0}}}, "compress": "gzip"}
    case["probes"] = {"points": {"middle": {"at": {"x": 0.5, "y": 0.5}}}}
    result = sim.run(case, output=tmp_path / "run")
    merged = merge(result.directory, None, None, compress=True)
    with xr.open_dataset(result.series, engine="h5netcdf") as all_of_it, h5py.File(merged) as one:
        assert all_of_it.u.dims == ("member", "time", "y", "x") and all_of_it.sizes["member"] == 6
        assert all_of_it["equation.alpha"].values.tolist() == [0.2, 0.2, 0.2, 0.4, 0.4, 0.4]
        assert all_of_it["initial.u"].values.tolist() == ["x", "y", "x * y"] * 2
        np.testing.assert_array_equal(all_of_it.u, one["u"][:])
        np.testing.assert_array_equal(one["VTKHDF/CellData/u_4"][:], one["u"][4])
        with h5py.File(tmp_path / "run" / "extra" / "line.h5") as line:
            cell = int(np.argmin(abs(all_of_it.y.values - line["y"][0])))
            np.testing.assert_array_equal(line["u"][:, :, 0], all_of_it.u[:, :, cell])
    names, probes = {"equation.alpha", "initial.u"}, result.directory / "probes.h5"
    for path in (result.series, result.snapshots[1], merged, probes, tmp_path / "run" / "extra" / "line.h5"):
        with xr.open_dataset(path, engine="h5netcdf") as data:
            assert names < set(data.coords) and not names & set(data.data_vars), path
            assert names < set(data["middle" if path == probes else "u"].coords)
    seen = fields_of(result.snapshots[1])
    assert list(seen) == [f"u[{number}]" for number in range(6)] and seen["u[2]"].shape == (29, 23)
    with h5py.File(result.snapshots[1]) as file:
        np.testing.assert_array_equal(np.concatenate(list(seen["u[2]"].slabs())), file["u"][2, 0])


@pytest.mark.long
def test_going_on(tmp_path: Path) -> None:
    """From a checkpoint, elsewhere, to the bytes of a run that was not interrupted."""
    case = plate(vary=VARY)
    whole = sim.run(case, output=tmp_path / "whole")
    half = {**case, "time": {**case["time"], "end": 0.2}}
    sim.run(half, output=tmp_path / "half")
    rest = sim.resume(tmp_path / "half", overrides=["time.end=0.31", 'parallel.transport="virtual"'])
    for mine, theirs in zip(rest.snapshots, whole.snapshots, strict=True):
        with h5py.File(mine) as one, h5py.File(theirs) as other:
            assert one["u"][:].tobytes() == other["u"][:].tobytes()


def test_going_on_from_a_device_that_holds_no_member(tmp_path: Path) -> None:
    """Six members are two to each of three devices: the fourth has nothing to checkpoint."""
    case = {**plate(vary=VARY), "parallel": {"transport": "xla", "devices": 4, "members": "spread"}}
    sim.run(case, output=tmp_path / "run", overrides=["time.end=0.1"])
    assert len(list((tmp_path / "run" / "checkpoints").glob("*/u-*.npy"))) == 3
    assert sim.resume(tmp_path / "run", overrides=["time.end=0.2"]).time == 0.2


def test_members_are_named_alike_when_a_run_goes_on(tmp_path: Path) -> None:
    """By their files' names, though what goes on has absolute paths."""
    np.save(tmp_path / "w.npy", np.ones((29, 23)))
    case = plate(vary={"initial.u": ["x", {"file": "w.npy"}]})
    based = casefile.load(case).based_at(tmp_path)
    sim.run(based, output=tmp_path / "run", overrides=["time.end=0.1"])
    result = sim.resume(tmp_path / "run", overrides=["time.end=0.2"])
    assert result.members is not None and [member.vary["initial.u"] for member in result.members] == ["x", "w.npy"]
    for path in (result.snapshots[0], result.snapshots[-1], result.series):
        with h5py.File(path) as file:
            assert file["initial.u"].asstr()[:].tolist() == ["x", "w.npy"], path


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["a/u.npy", "a/v.npy", "a/u.npy"], ["u.npy", "v.npy", "u.npy"]),
        (["a/u.npy", "b/u.npy", "b/v.npy"], ["{}/a/u.npy", "{}/b/u.npy", "{}/b/v.npy"]),
        (["a/u.npy", "b/../a/u.npy", "{}/a/u.npy"], ["u.npy", "u.npy", "u.npy"]),
    ],
)
def test_files_of_one_name_are_told_apart(files: list[str], expected: list[str], tmp_path: Path) -> None:
    case = casefile.load(plate(vary={"initial.u": [{"file": file.format(tmp_path)} for file in files]}))
    for found in (case.based_at(tmp_path), case.based_at(tmp_path).with_absolute_files()):
        assert found.labels() == [{"initial.u": label.format(tmp_path)} for label in expected]


def test_the_built_in_case(tmp_path: Path) -> None:
    result = sim.run("ensemble-plate", output=tmp_path / "run")
    assert result.members is not None and len(result.members) == 16
    assert all(member.errors is not None and member.errors["u"]["max"] < 0.1 for member in result.members)
