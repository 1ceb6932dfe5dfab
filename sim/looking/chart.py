"""min, mean and max over time, and other series, as curves."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sim.looking.statistics import Statistics
from sim.looking.style import DPI, Theme, drawn_in, label
from sim.looking.words import in_units

_MOST_CURVES = 10
_MOST_MARKED = 30


@dataclass(frozen=True)
class What:
    """What a chart shows over time."""

    name: str
    units: str
    time_units: str


def chart(draw: Callable[[Axes], None], theme: Theme) -> bytes:
    """PNG of what draw() draws."""
    with drawn_in(theme):
        figure = Figure(figsize=(6.0, 3.4), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure.subplots())
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=DPI)
    return stream.getvalue()


def draw_statistics(room: Axes, what: What, times: Sequence[float], values: Sequence[Statistics]) -> None:
    """The mean as a curve within the band from min to max."""
    mark = "o" if len(times) < _MOST_MARKED else ""
    (line,) = room.plot(times, [v.mean for v in values], marker=mark, markersize=3.5, linewidth=1.6, label="mean")
    low, high = [v.min for v in values], [v.max for v in values]
    room.fill_between(times, low, high, color=line.get_color(), alpha=0.15, linewidth=0, label="min to max")
    _dress(room, what)


def draw_series(room: Axes, what: What, times: np.ndarray, curves: Mapping[str, np.ndarray]) -> None:
    for name, values in list(curves.items())[:_MOST_CURVES]:
        room.plot(times, values, linewidth=1.4, label=label(name))
    _dress(room, what)


def _dress(room: Axes, what: What) -> None:
    room.set(xlabel=label(in_units("time", what.time_units)), ylabel=label(in_units(what.name, what.units)))
    room.grid(True)
    room.spines[["top", "right"]].set_visible(False)
    room.legend(loc="best", fontsize=8)
