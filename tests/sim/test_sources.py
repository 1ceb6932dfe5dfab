"""Numbers, formulas and files as values on boxes of the grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.case import FileSource
from sim.errors import SimError
from sim.sources import evaluator
from sim.topology import Topology
from solvers.grid import Grid

GRID = Grid((7, 9), (-1.0, 0.25), (2.0, 4.0))
WHOLE = (slice(0, 7), slice(0, 9))


def test_a_number() -> None:
    values = evaluator("initial.u", 2.5, GRID, Path())((slice(1, 4), slice(2, 9)))
    assert values.shape == (3, 7) and (values == 2.5).all()


def test_a_formula_sees_cell_centres() -> None:
    y = -1.0 + (np.arange(7) + 0.5) * 3.0 / 7
    x = 0.25 + (np.arange(9) + 0.5) * 3.75 / 9
    values = evaluator("initial.u", "x + 10*y", GRID, Path())(WHOLE)
    np.testing.assert_allclose(values, x[None, :] + 10 * y[:, None], rtol=0, atol=1e-14)


@pytest.mark.parametrize("formula", ["3", "x", "y", "x*0"])
def test_a_formula_fills_its_box_whatever_it_names(formula: str) -> None:
    assert evaluator("initial.u", formula, GRID, Path())((slice(0, 3), slice(4, 9))).shape == (3, 5)


def test_time_is_a_variable_where_there_is_one() -> None:
    values = evaluator("exact.u", "t + 0*x", GRID, Path(), time=1.5)(WHOLE)
    assert (values == 1.5).all()


FORMULAS = ("sin(3*x)*exp(-y)", "tanh(x/y)**3 + log(2 + x)", "sqrt(abs(y)) + atan2(x, y)", "x**2.5 - y**2")


@given(st.sampled_from(FORMULAS), st.integers(1, 7), st.integers(1, 9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_bits_do_not_depend_on_the_boxes(formula: str, down: int, across: int) -> None:
    evaluate = evaluator("initial.u", formula, GRID, Path())
    whole = evaluate(WHOLE)
    topology = Topology(GRID.shape, (down, across))
    for rank in range(topology.count):
        box = topology.box(rank)
        assert evaluate(box).tobytes() == whole[box].tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    field = np.arange(63.0).reshape(7, 9)
    np.save(tmp_path / "a.npy", field)
    np.savez(
        tmp_path / "a.npz",
        field=field,
        other=field[:3],
        times=[field] * 2,
        three=field[None, :3],
        line=field[0],
        one=field[None],
    )
    broken = field.copy()
    broken[5, 2] = np.nan
    np.save(tmp_path / "broken.npy", broken)
    return tmp_path


@pytest.mark.parametrize("flip", [[], ["x"], ["y"], ["x", "y"]])
@pytest.mark.parametrize(
    "file", [{"file": "a.npy"}, *({"file": "a.npz", "dataset": name} for name in ("field", "one"))]
)
def test_a_file_box_by_box(folder: Path, file: dict[str, str], flip: list[str]) -> None:
    source = FileSource.model_validate({**file, "flip": flip})
    evaluate = evaluator("initial.u", source, GRID, folder)
    field = np.arange(63.0).reshape(7, 9)
    field = field[:: -1 if "y" in flip else 1, :: -1 if "x" in flip else 1]
    for box in (WHOLE, (slice(2, 5), slice(0, 4)), (slice(6, 7), slice(8, 9))):
        np.testing.assert_array_equal(evaluate(box), field[box])


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ({"file": "none.npy"}, ["none.npy"]),
        ({"file": "a.npz", "dataset": "feild"}, ["feild", "field"]),
        ({"file": "a.npz", "dataset": "other"}, ["(3, 9)", "(7, 9)", "give the grid the shape (3, 9)"]),
        (
            {"file": "a.npz", "dataset": "times"},
            ["holds the shape (2, 7, 9), the grid has (7, 9) (y, x)", "snapshots/N"],
        ),
        (
            {"file": "a.npz", "dataset": "three"},
            ["the shape (1, 3, 9), the grid has (7, 9)", "give the grid the shape (3, 9)"],
        ),
        ({"file": "a.npz", "dataset": "line", "flip": ["x"]}, ["the shape (9,), the grid has (7, 9)", "2 axes"]),
        ({"file": "a.npy", "package": "not_installed_at_all"}, ["not_installed_at_all"]),
        ({"file": "../a.npy", "package": "numpy"}, ["../a.npy"]),
    ],
)
def test_files_that_will_not_do(folder: Path, file: dict[str, str], words: list[str]) -> None:
    with pytest.raises(SimError) as caught:
        evaluator("equation.source", FileSource.model_validate(file), GRID, folder)
    assert all(word in str(caught.value) for word in ["equation.source", *words]), caught.value
    assert "flip" not in str(caught.value)


def test_a_file_that_goes_away_meanwhile(folder: Path) -> None:
    evaluate = evaluator("initial.u", FileSource(file="a.npy"), GRID, folder)
    (folder / "a.npy").unlink()
    with pytest.raises(SimError, match=r"initial\.u"):
        evaluate(WHOLE)


def test_the_first_value_that_is_not_finite_is_located(folder: Path) -> None:
    evaluate = evaluator("initial.u", FileSource(file="broken.npy"), GRID, folder)
    assert evaluate((slice(0, 5), slice(0, 9))).shape == (5, 9)  # the rank that does not own it
    with pytest.raises(SimError) as caught:
        evaluate((slice(4, 7), slice(1, 9)))
    x, y = 0.25 + 2.5 * 3.75 / 9, -1.0 + 5.5 * 3.0 / 7
    assert f"initial.u is nan at y = {y:.6g}, x = {x:.6g}" in str(caught.value)


@pytest.mark.parametrize("formula", ["1/(x-x)", "log(-1 - x)", "sqrt(y)", "exp(1e4*x)"])
def test_formulas_that_are_not_finite_are_refused(formula: str) -> None:
    with pytest.raises(SimError, match=r"initial\.u is (nan|inf|-inf) at"):
        evaluator("initial.u", formula, GRID, Path())(WHOLE)
