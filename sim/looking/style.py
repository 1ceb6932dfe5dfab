"""How pictures look, on white or on dark paper; and how Matplotlib is told without a display."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
from cycler import cycler

from sim.looking.words import clean

DPI = 120

# It is drawn as a box; that says it all.
warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)


@dataclass(frozen=True)
class Theme:
    paper: str
    ink: str
    faint: str
    lines: tuple[str, ...]
    missing: str


# Okabe and Ito's colours, told apart by all eyes: https://jfly.uni-koeln.de/color/
LIGHT = Theme("#ffffff", "#24292f", "#d0d7de", ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"), "#bbbbbb")
DARK = Theme("#161b22", "#e6edf3", "#30363d", ("#56b4e9", "#e69f00", "#00c896", "#e5a3c6", "#f0e442"), "#555555")


@contextmanager
def drawn_in(theme: Theme) -> Iterator[None]:
    settings: Any = {
        "figure.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "axes.edgecolor": theme.ink,
        "axes.labelcolor": theme.ink,
        "axes.titlecolor": theme.ink,
        "axes.prop_cycle": cycler(color=theme.lines),
        "axes.grid": False,
        "axes.formatter.useoffset": False,
        "axes.formatter.limits": (-3, 5),
        "axes.formatter.use_mathtext": True,
        "axes.linewidth": 0.7,
        "grid.color": theme.faint,
        "grid.linewidth": 0.6,
        "text.color": theme.ink,
        "xtick.color": theme.ink,
        "ytick.color": theme.ink,
        "legend.frameon": False,
        "font.size": 10,
        "font.family": ["DejaVu Sans"],
        "mathtext.fontset": "dejavusans",
        "axes.titlesize": 11,
    }
    with matplotlib.rc_context(settings):
        yield


def label(text: str) -> str:
    """Foreign words for Matplotlib, which would take dollars for mathematics."""
    return clean(text, 110).replace("$", r"\$")
