"""Texts, quantities and durations as people read them."""

from __future__ import annotations

from sim.looking.words import clean, duration, quantity


def test_words() -> None:
    assert clean("a\x1b[31m\nb\u202e\u2028c") == "a [31m b  c"
    assert clean("x" * 300, 10) == "x" * 9 + "…"
    assert (
        quantity(5e6, "yr") == "5,000,000 yr" and quantity(0.25, "1") == "0.25" and quantity(21.5, "degC") == "21.5 °C"
    )
    assert [duration(seconds) for seconds in (0.5, 61, 3720)] == ["0.5 s", "1 min 01 s", "1 h 02 min"]
