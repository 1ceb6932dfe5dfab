"""One time of a field as a picture: a line, a map, or the three middle planes of a box."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from sim.looking.field import Sample
from sim.looking.scale import Scale
from sim.looking.style import DPI, LIGHT, Theme, drawn_in, label
from sim.looking.words import in_units

_SQUARE_INCHES, _HIGHEST_INCHES = 27.0, 6.0  # of all panels together
_MARGIN_PIXELS = 12
_SLIMMEST = 0.3


class Picture:
    """Panels side by side on one scale; `show` puts other values of the same shapes into them.

    Built on a figure of its own, without pyplot: no display, no state shared with anybody, in any thread.
    """

    def __init__(
        self, panels: Sequence[Sample], scale: Scale, titles: Sequence[str], heading: str, theme: Theme = LIGHT
    ) -> None:
        self._theme = theme
        with drawn_in(theme):
            widths = _widths(panels)
            height = min(math.sqrt(_SQUARE_INCHES / sum(widths)), _HIGHEST_INCHES)
            size = (sum(widths) * height + 1.2 * len(panels) + 0.6, height + 1.0)
            self._figure = Figure(figsize=size, dpi=DPI, layout="compressed")
            self._canvas = FigureCanvasAgg(self._figure)
            rooms = self._figure.subplots(1, len(panels), squeeze=False, width_ratios=widths)[0]
            self._drawn = [draw_panel(room, sample, scale, theme) for room, sample in zip(rooms, panels, strict=True)]
            for room, sample in zip(rooms[1:], panels[1:], strict=True):
                if sample.axes == panels[0].axes:
                    room.set_ylabel("")
                    room.tick_params(labelleft=False)
            for room, title in zip(rooms, titles, strict=True):
                if title:
                    room.set_title(label(title))
            if len(panels[0].axes) == 2:
                field = panels[0].field
                bar = self._figure.colorbar(
                    self._drawn[-1],
                    ax=list(rooms),
                    label=label(in_units(field.long_name, field.units)),
                    shrink=0.9,
                    aspect=28,
                )
                bar.outline.set_visible(False)
            self._heading = self._figure.suptitle(label(heading), fontsize=12) if heading else None
            self._crop = self._inked()

    def show(self, panels: Sequence[Sample], heading: str) -> None:
        for artist, sample in zip(self._drawn, panels, strict=True):
            artist.set_data(*((sample.coordinates(0), sample.values) if len(sample.axes) == 1 else (_masked(sample),)))
        if self._heading:
            self._heading.set_text(label(heading))

    def png(self) -> bytes:
        stream = io.BytesIO()
        Image.fromarray(self.pixels()).save(stream, "PNG", optimize=True)
        return stream.getvalue()

    def pixels(self) -> np.ndarray:
        """(height, width, 3) of uint8, without the margins that were left blank at first."""
        with drawn_in(self._theme):
            self._canvas.draw()
        return np.asarray(self._canvas.buffer_rgba())[self._crop][..., :3]

    def _inked(self) -> tuple[slice, slice]:
        """The rows and columns that hold anything, and a margin."""
        self._canvas.draw()
        pixels = np.asarray(self._canvas.buffer_rgba())
        blank = pixels == pixels[0, 0]
        rows, columns = (np.flatnonzero(~blank.all(axis=others)) for others in ((1, 2), (0, 2)))
        low, high = _MARGIN_PIXELS, _MARGIN_PIXELS + 1
        return slice(max(rows[0] - low, 0), rows[-1] + high), slice(max(columns[0] - low, 0), columns[-1] + high)


def _widths(panels: Sequence[Sample]) -> list[float]:
    """Widths of the panels over their common height: those to scale share one scale."""
    if len(panels[0].axes) == 1:
        return [1.8] * len(panels)
    if not all(map(_is_to_scale, panels)):
        return [1.0] * len(panels)
    tall, wide = zip(*([abs(axis.edges[1] - axis.edges[0]) for axis in sample.axes] for sample in panels), strict=True)
    return [width / max(tall) for width in wide]


def _is_to_scale(sample: Sample) -> bool:
    """Lengths along both axes look alike, where they are of one unit and neither is so slim that nothing is seen."""
    tall, wide = (abs(axis.edges[1] - axis.edges[0]) for axis in sample.axes)
    return sample.axes[0].units == sample.axes[1].units and tall > 0 and _SLIMMEST <= wide / tall <= 1 / _SLIMMEST


def draw_panel(room: Axes, sample: Sample, scale: Scale, theme: Theme) -> Any:
    """Draw a line or a map into a pair of axes; return what was drawn."""
    return _draw_line(room, sample, scale) if len(sample.axes) == 1 else _draw_map(room, sample, scale, theme)


def _draw_line(room: Axes, sample: Sample, scale: Scale) -> Any:
    field, (along,) = sample.field, sample.axes
    (line,) = room.plot(sample.coordinates(0), sample.values, linewidth=1.8)
    low, high = scale.limits if not scale.is_signed else (scale.low, scale.high)
    margin = 0.05 * (high - low)
    room.set(xlim=sorted(along.edges), ylim=(low - margin, high + margin))
    room.set(xlabel=label(in_units(along.name, along.units)), ylabel=label(in_units(field.long_name, field.units)))
    room.grid(True)
    room.spines[["top", "right"]].set_visible(False)
    return line


def _draw_map(room: Axes, sample: Sample, scale: Scale, theme: Theme) -> Any:
    down, across = sample.axes
    low, high = scale.limits
    image = room.imshow(
        _masked(sample),
        origin="lower",
        extent=(*across.edges, *down.edges),
        vmin=low,
        vmax=high,
        cmap=colormaps[scale.colours].with_extremes(bad=theme.missing),
        aspect="equal" if _is_to_scale(sample) else "auto",
        interpolation="antialiased",
    )
    room.set(xlabel=label(in_units(across.name, across.units)), ylabel=label(in_units(down.name, down.units)))
    return image


def _masked(sample: Sample) -> np.ndarray:
    return np.ma.masked_invalid(sample.values)
