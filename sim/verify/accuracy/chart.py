"""Errors over h on logarithmic axes, beside the slopes that theory has."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sim.looking.style import DPI, LIGHT, drawn_in, label
from sim.verify.accuracy.study import Order

_MARKS = "os^Dv<>pP*X"
_MOST_IN_A_ROOM = 8


def draw(family: str, orders: Sequence[Order]) -> bytes:
    """PNG of a family's studies, a room for each direction and expected order."""
    rooms = [
        (f"in {along}, order {order:g}", part)
        for (along, order), of_it in _grouped(orders).items()
        for part in (of_it[i : i + _MOST_IN_A_ROOM] for i in range(0, len(of_it), _MOST_IN_A_ROOM))
    ]
    columns = min(3, len(rooms))
    with drawn_in(LIGHT):
        height = -(-len(rooms) // columns)
        figure = Figure(figsize=(5.2 * columns, 4.6 * height), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        figure.suptitle(label(family))
        axes = figure.subplots(height, columns, squeeze=False).flat
        for number, room in enumerate(axes):
            if number < len(rooms):
                _fill(room, *rooms[number])
            else:
                room.set_visible(False)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=DPI)
    return stream.getvalue()


def _grouped(orders: Sequence[Order]) -> dict[tuple[str, float], list[Order]]:
    found: dict[tuple[str, float], list[Order]] = {}
    for order in orders:
        found.setdefault((order.study.along, order.study.order), []).append(order)
    return found


def _fill(room: Axes, title: str, orders: Sequence[Order]) -> None:
    for order, mark in zip(orders, itertools.cycle(_MARKS), strict=False):
        name = f"{order.study.name}: {order.observed:.2f}"
        face = None if order.good else "none"
        room.loglog(order.h, order.errors, mark + "-", markersize=5, linewidth=1.3, label=label(name), mfc=face)
    _draw_theory(room, orders)
    room.set(title=title, xlabel="h" if orders[0].study.along == "space" else "Δt", ylabel="error")
    room.grid(True, which="both", alpha=0.5)
    room.tick_params(which="minor", labelsize=7)
    room.spines[["top", "right"]].set_visible(False)
    room.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=1)


def _draw_theory(room: Axes, orders: Sequence[Order]) -> None:
    """A dotted line of the expected slope, below all errors."""
    h = np.array(sorted({size for order in orders for size in order.h}))
    power = orders[0].study.order
    lowest = min(error / size**power for order in orders for error, size in zip(order.errors, order.h, strict=True))
    room.loglog(h, 0.6 * lowest * h**power, ":", color=LIGHT.ink, linewidth=1.2, label=f"slope {power:g}")
