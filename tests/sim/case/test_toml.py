"""Cases go out as TOML and come in again as they were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim import casefile
from sim.case import Case
from sim.errors import SimError


def round_trip(case: Case, folder: Path) -> Case:
    path = folder / "again.toml"
    path.write_text(casefile.to_toml(case), encoding="utf-8")
    return casefile.load(path).based_at(case.base)


VARIANTS = {
    "one axis": {"shape": (7,)},
    "three axes": {"shape": (3, 4, 5)},
    "a field file": {"initial__u": {"file": "a b.npz", "dataset": "z", "flip": ["y", "x"]}},
    "a package's file": {"initial__u": {"file": "a.npy", "package": "matplotlib"}},
    "a number": {"initial__u": 1e-300, "equation__source": -2.5e22},
    "sides": {"boundary__x": {"lower": {"kind": "neumann", "flux": 0.1}, "upper": "dirichlet"}},
    "a process grid": {"parallel__process_grid": {"x": 2, "y": 3}, "parallel__devices": 6},
    "a step": {"time__step": 1e-7},
    "text": {"title": 'a "quoted" \\ path,\ttab\nline — é \u2028 \x7f', "output__units": "'K'"},
}


@pytest.mark.parametrize("name", casefile.builtin_names())
def test_built_in_cases_survive_toml(name: str, tmp_path: Path) -> None:
    case = casefile.load(name)
    assert round_trip(case, tmp_path) == case


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_variants_survive_toml(changes: dict[str, Any], tmp_path: Path, small: Callable[..., dict[str, Any]]) -> None:
    case = casefile.load(small(**changes))
    assert round_trip(case, tmp_path) == case


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
    st.floats(1e-300, 1e300),
    st.floats(allow_nan=False, allow_infinity=False),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_and_number_survives_toml(tmp_path: Path, text: str, end: float, value: float) -> None:
    table = casefile.load("heat2d").model_dump(exclude_none=True)
    table["title"], table["time"]["end"], table["initial"]["u"] = text, end, value
    case = casefile.load(table)
    assert round_trip(case, tmp_path) == case


def test_lists_come_out_as_they_are(tmp_path: Path, small: Callable[..., dict[str, Any]]) -> None:
    times = [0.1 * number for number in range(1, 3000)]
    case = casefile.load(small((7,), regions=[{"box": {"x": [0.1, 0.9]}, "set": 1.0, "times": times}]))
    assert round_trip(case, tmp_path) == case


def test_a_case_that_could_not_be_read_again_is_refused(small: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(SimError, match=r"is \d+ bytes long when written out; a case file has at most 1048576: shorten"):
        casefile.to_toml(casefile.load(small((7,), title="x" * (1 << 20))))


@pytest.mark.parametrize("name", casefile.builtin_names())
def test_toml_shows_every_key(name: str) -> None:
    """Also those that are not set, as a comment: it is something to start from."""
    text = casefile.to_toml(casefile.load(name))
    for key in ("title", "safety", "step =", "stencil", "devices = …", "process_grid = …", "long_name"):
        assert key in text
