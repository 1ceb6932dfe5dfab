"""Names and texts of a case are such as files can hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sim import casefile
from sim.errors import SimError

HELD_BY_FILES = ("time", "step", "member", "VTKHDF", "snapshot_0", "snapshot_12", "x", "a" * 65)


@pytest.mark.parametrize("name", HELD_BY_FILES)
def test_a_field_has_a_name_that_files_can_hold(name: str, small: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(SimError, match="can't name a field: files hold"):
        casefile.load({**small(), "equation": {name: f"laplace({name})"}, "initial": {name: 1.0}})


VARIED: dict[str, Any] = {"ensemble": {"vary": {"initial.u": [1.0, 2.0]}}}


@pytest.mark.parametrize("name", ["a/b", ".", "", "ü", "time", "u", "initial.u"])
def test_fields_of_python_have_such_names_too(name: str, small: Callable[..., dict[str, Any]]) -> None:
    equation = {"kind": "mine:Mine", "evolves": ["u", name]}
    with pytest.raises(SimError, match="equation: .* (can't name a field|hold a name twice)"):
        casefile.load({**small(), "equation": equation, "initial": {"u": 1.0, name: 1.0}} | VARIED)


def test_bdf2_keeps_its_last_state_under_a_name(small: Callable[..., dict[str, Any]]) -> None:
    table = small(time__integrator="bdf2", time__step=0.01)
    table |= {"equation": dict.fromkeys(["u", "u__before"], "laplace(u)"), "initial": {"u": 1.0, "u__before": 1.0}}
    with pytest.raises(SimError, match="'u__before' can't name a field"):
        casefile.load(table)
    table["time"]["integrator"] = "tr-bdf2"
    assert casefile.load(table).equation.fields == ("u", "u__before")


TEXTS: dict[str, dict[str, Any]] = {
    "title": {"title": "a\0"},
    "output.units": {"output__units": "m\0"},
    "output.length_units": {"output__length_units": "\0"},
    "output.time_units": {"output__time_units": "\udfff"},
    "output.long_name": {"output__long_name": "\0\0"},
    "output.fields.u.units": {"output__fields": {"u": {"units": "\ud800"}}},
    "output.fields.u.long_name": {"output__fields": {"u": {"long_name": "a\0b"}}},
    "initial.u.file": {"initial__u": {"file": "a\0.npy"}},
    "initial.u.dataset": {"initial__u": {"file": "a.h5", "dataset": "a\0"}},
    "ensemble.vary": {"ensemble": {"vary": {"initial.u\0": [1.0]}}},
}


@pytest.mark.parametrize("key", TEXTS)
def test_a_text_is_one_that_files_hold(key: str, small: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(SimError, match=rf"{key}\b.*: character \d+ is '.*', which files do not hold"):
        casefile.load(small(**TEXTS[key]))
    assert casefile.load(small(title="∂u/∂t in K·m⁻¹")).title == "∂u/∂t in K·m⁻¹"
