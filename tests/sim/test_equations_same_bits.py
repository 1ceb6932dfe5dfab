"""Every equation gives the same bits wherever it runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from sim import casefile
from sim.subprocesses import run_bounded
from solvers.strips import Strips
from tests.equations import EQUATIONS, case_of, outcome

PLACES: dict[str, dict[str, Any]] = {
    "virtual, tiles": {"transport": "virtual", "blocks": 3, "depth": 2, "tile": [1]},
    "xla": {"transport": "xla", "devices": 4, "depth": 1},
}


# Functions such as exp are XLA's polynomials, which it may compile otherwise elsewhere; `--reproducible` mends it.
NEARLY = {"text, functions": {"float32": 1e-5, "float64": 1e-12}}


def check(case: dict[str, Any], tolerance: float = 0.0) -> None:
    fields, stable = outcome(case)
    assert 0 < stable < np.inf or case["equation"].get("kind") == "wave"
    for u in fields.values():
        assert np.isfinite(u).all() and np.unique(u).size > 50, "the field is not trivial"
    for place, where in PLACES.items():
        others, others_stable = outcome(case, **where)
        assert others_stable == stable, place
        for name, u in fields.items():
            if tolerance:
                np.testing.assert_allclose(
                    others[name], u, rtol=tolerance, atol=tolerance, err_msg=f"{name} in {place}"
                )
            else:
                np.testing.assert_array_equal(others[name], u, err_msg=f"{name} in {place}")


@pytest.mark.long
@pytest.mark.parametrize("name", EQUATIONS)
def test_in_two_dimensions(name: str) -> None:
    check(case_of(name, 2, "float32"), NEARLY.get(name, {}).get("float32", 0.0))


@pytest.mark.long
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", EQUATIONS)
def test_in_strips_of_rows(name: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of(name, 2, dtype)
    case["grid"]["x"]["cells"] = 139
    cut, fit = [], Strips.fit

    def seen(*arguments: int) -> Strips | None:
        cut.append(fit(*arguments))
        return cut[-1]

    monkeypatch.setattr(Strips, "fit", seen)
    fields, stable = outcome(case)
    tiled, _ = outcome(case, depth=2, tile=[4, 16], dt=min(0.4 * stable, 1e-2))
    assert cut and all(cut)
    tolerance = NEARLY.get(name, {}).get(dtype, 0.0)
    for field, u in fields.items():
        np.testing.assert_allclose(tiled[field], u, rtol=tolerance, atol=tolerance)


IN_ANY = ("heat", "burgers", "cahn-hilliard", "text, functions")


@pytest.mark.long
@pytest.mark.parametrize("name", IN_ANY)
@pytest.mark.parametrize(("ndim", "dtype"), [(1, "float32"), (3, "float32"), (2, "float64")])
def test_in_others(name: str, ndim: int, dtype: str) -> None:
    case = case_of(name, ndim, dtype)
    if name == "heat" and ndim == 1:
        case["equation"] = {**case["equation"], "source": "x"}
    check(case, NEARLY.get(name, {}).get(dtype, 0.0))


@pytest.mark.long
@pytest.mark.parametrize("form", ["slices", "conv"])
@pytest.mark.parametrize("name", ["heat", "gray-scott", "limited"])
def test_of_fourth_order(name: str, form: str) -> None:
    case = case_of(name, 2, "float32")
    case["numerics"] |= {"order": 4, "stencil": form}
    check(case)


@pytest.mark.long
@pytest.mark.parametrize("name", ["heat, harmonic", "conduction", "text, operators"])
def test_fluxes_of_fourth_order(name: str) -> None:
    case = case_of(name, 2, "float32")
    case["numerics"]["order"] = 4
    case["boundary"]["x"]["upper"] = {"kind": "neumann", "flux": -0.7} if name == "conduction" else "neumann"
    check(case)


@pytest.mark.long
def test_reproducible_buys_the_last_bit_of_functions(tmp_path: Path) -> None:
    """In programs of their own: what a processor may use is settled before JAX starts."""
    case = casefile.load({**case_of("text, functions", 3, "float32"), "time": {"end": 0.02, "step": 0.001}})
    path = tmp_path / "case.toml"
    path.write_text(casefile.to_toml(case), encoding="utf-8")
    fields = []
    for number, where in enumerate(
        (["--ghost-depth", "1"], ["--transport", "virtual", "--ghost-depth", "2", "--tile", "1"])
    ):
        output = str(tmp_path / str(number))
        command = [
            sys.executable,
            "-m",
            "sim",
            "run",
            str(path),
            *where,
            "--reproducible",
            "--output",
            output,
            "--json",
        ]
        done = run_bounded(command, 240)
        assert done.returncode == 0, done.stderr
        with h5py.File(json.loads(done.stdout.splitlines()[-1])["snapshots"][-1]) as file:
            fields.append(file["u"][:].tobytes())
    assert fields[0] == fields[1]
