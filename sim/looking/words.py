"""Numbers and foreign words, fit to be shown."""

from __future__ import annotations

import unicodedata

_LONGEST = 200
_PRETTY_UNITS = {"degC": "°C", "degF": "°F", "1": "", "": ""}


def clean(text: object, longest: int = _LONGEST) -> str:
    """One line without control characters, which could drive a terminal, at most `longest` characters long."""
    head = str(text)[: longest + 1]
    line = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in head)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def in_units(name: str, units: str) -> str:
    """'temperature (°C)'."""
    shown = pretty(units)
    return f"{name} ({shown})" if shown else name


def quantity(value: float, units: str) -> str:
    """'0.25 s', '5,000,000 yr'."""
    shown = f"{value:,.0f}" if 1e5 <= abs(value) < 1e9 and value == round(value) else f"{value:.6g}"
    return f"{shown} {pretty(units)}".rstrip()


def pretty(units: str) -> str:
    return _PRETTY_UNITS.get(units, units)


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
