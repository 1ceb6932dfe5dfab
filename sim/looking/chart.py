"""min, mean and max over time, and other series, as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from sim.looking.statistics import Statistics
from sim.looking.style import Theme, label
from sim.looking.words import in_units

_MOST_CURVES = 10


def draw_statistics(room: Axes, times: Sequence[float], values: Sequence[Statistics], theme: Theme) -> None:
    """The mean as a curve within the band from min to max."""
    colour = theme.lines[0]
    mark = "o" if len(times) < 30 else ""
    low, high = [v.min for v in values], [v.max for v in values]
    room.fill_between(times, low, high, color=colour, alpha=0.15, linewidth=0, label="min to max")
    room.plot(times, [v.mean for v in values], color=colour, marker=mark, markersize=3.5, linewidth=1.6, label="mean")
    room.legend(loc="best", fontsize=8)


def draw_series(room: Axes, times: Sequence[float], series: Mapping[str, Sequence[float]]) -> None:
    for name, values in list(series.items())[:_MOST_CURVES]:
        room.plot(times, values, linewidth=1.4, label=label(name)[:30])
    room.legend(loc="best", fontsize=8)


def dress(room: Axes, name: str, units: str, time_units: str) -> None:
    room.set(xlabel=label(in_units("time", time_units)), ylabel=label(in_units(name, units)))
    room.grid(True)
    room.spines[["top", "right"]].set_visible(False)
