"""Ranks that are not about to run the same thing are told what differs."""

from __future__ import annotations

from typing import Any

import pytest

from sim import casefile
from sim.errors import SimError
from sim.fingerprint import compare_cases
from sim.team import Solo


class Both(Solo):
    """Two ranks, of which the second one brings what the first one does but for some keys."""

    size = 2

    def __init__(self, other: dict[str, str]) -> None:
        self._other = other

    def gather(self, value: Any) -> list[Any]:
        return [
            value,
            {**value, **{key: said for key, said in self._other.items() if key in value}} if value else value,
        ]


def said(other: dict[str, str]) -> str:
    with pytest.raises(SimError) as raised:
        compare_cases(Both(other), casefile.load("heat2d", ['equation.source="' + "1 + " * 30 + '1"']))
    return str(raised.value).partition("\n")[2]


def test_the_same_is_the_same() -> None:
    compare_cases(Both({}), casefile.load("heat2d"))


def test_keys_are_named_by_their_values() -> None:
    assert said({"case": "?", "time.end": "7"}) == "  time.end: 0.01 on rank 0; 7 on rank 1"


def test_long_values_differ_at_their_ends_too() -> None:
    found = said({"case": "?", "equation.source": "?"})
    assert len(found) < 130 and "… " in found


def test_cases_whose_keys_have_another_order() -> None:
    """Fields would be taken for each other."""
    assert said({"case": "?"}).startswith("  case: heat2d ")
