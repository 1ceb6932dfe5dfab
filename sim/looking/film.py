"""The frames of a recording as pictures on one scale: a still, curves over time, a moving GIF."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import cm, colormaps, colors
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from sim.errors import SimError
from sim.looking.cut import Cut
from sim.looking.field import Field, Sample
from sim.looking.picture import Picture
from sim.looking.recorded import Frame, Recording
from sim.looking.scale import Scale, scale_over
from sim.looking.style import DPI, LIGHT, Theme, drawn_in, label
from sim.looking.words import in_units, quantity

MOST_CELLS = 1024  # along an axis of a still: more than it has pixels
_MOST_CELLS_OF_A_GIF = 480
_MOST_FRAMES = 200
_MOST_CURVES = 12
_MILLISECONDS, _LAST_MILLISECONDS = 120, 1200


@dataclass(frozen=True)
class Film:
    """A field's frames, cut one way."""

    recording: Recording
    name: str
    cuts: Sequence[Cut]
    frames: Sequence[Frame]

    def field(self, frame: Frame) -> Field:
        found = frame.fields().get(self.name)
        if found is None:
            raise SimError(f"{frame.path} has no field {self.name!r}; `sim info` says what is whole")
        return found

    def panels(self, frame: Frame, most: int) -> list[Sample]:
        field = self.field(frame)
        try:
            return [field.sample(most, cut) for cut in self.cuts]
        except (IndexError, KeyError):
            raise SimError(f"{frame.path}: {self.name!r} isn't on the grid of the other snapshots") from None

    def heading(self, frame: Frame) -> str:
        return f"t = {quantity(frame.time, self.recording.time_units)}"

    def scale(self, most: int) -> Scale:
        """Over all frames."""
        return scale_over(sample.values for frame in self.frames for sample in self.panels(frame, most))


def still(film: Film) -> bytes:
    """PNG of one frame, or of a line's frames as curves."""
    frame = film.frames[-1]
    panels = film.panels(frame, MOST_CELLS)
    if len(panels[0].axes) == 1 and len(film.frames) > 1:
        return curves(film, LIGHT)
    scale = scale_over(sample.values for sample in panels)
    return Picture(panels, scale, _titles(panels), _with_name(film, panels[0], frame), LIGHT).png()


def strip(film: Film, theme: Theme) -> bytes:
    """PNG of a plane at some times side by side, on one scale."""
    frames = spread(film.frames, _panels_abreast(film.panels(film.frames[-1], 2)[0]))
    chosen = Film(film.recording, film.name, film.cuts[:1], frames)
    panels = [chosen.panels(frame, _MOST_CELLS_OF_A_GIF)[0] for frame in frames]
    scale = scale_over(sample.values for sample in panels)
    return Picture(panels, scale, [film.heading(frame) for frame in frames], "", theme).png()


def _panels_abreast(sample: Sample) -> int:
    """As many as stay readable on a page: few of wide ones."""
    tall, wide = (abs(axis.edges[1] - axis.edges[0]) for axis in sample.axes)
    return 4 if wide < tall else 3 if wide < 1.7 * tall else 2


def curves(film: Film, theme: Theme) -> bytes:
    """PNG of a line at several times, coloured by time."""
    chosen = spread(film.frames, _MOST_CURVES)
    lines = [film.panels(frame, MOST_CELLS)[0] for frame in chosen]
    field, along = lines[0].field, lines[0].axes[0]
    times = [frame.time for frame in chosen]
    with drawn_in(theme):
        figure = Figure(figsize=(8.4, 4.6), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        room = figure.subplots()
        span = colors.Normalize(min(times), max(times) if max(times) > min(times) else min(times) + 1)
        # The ends of the map would be lost on white or on dark paper.
        colours = colors.ListedColormap(colormaps["viridis"](np.linspace(0.1, 0.88, 256)))
        for line, time in zip(lines, times, strict=True):
            room.plot(line.coordinates(0), line.values, color=colours(span(time)), linewidth=1.6)
        room.set(xlim=sorted(along.edges), xlabel=label(in_units(along.name, along.units)))
        room.set_ylabel(label(in_units(field.long_name, field.units)))
        room.set_title(label(", ".join(filter(None, (film.recording.title, lines[0].where)))), fontsize=10)
        room.grid(True)
        room.spines[["top", "right"]].set_visible(False)
        of_time = cm.ScalarMappable(span, colours)
        bar = figure.colorbar(of_time, ax=room, label=label(in_units("time", film.recording.time_units)), aspect=28)
        bar.outline.set_visible(False)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=DPI)
        return stream.getvalue()


def gif(film: Film) -> bytes:
    """An endless GIF of at most 200 of the frames, evenly chosen, on one scale."""
    frames = spread(film.frames, _MOST_FRAMES)
    chosen = Film(film.recording, film.name, film.cuts, frames)
    first = chosen.panels(frames[0], _MOST_CELLS_OF_A_GIF)
    scale = chosen.scale(_MOST_CELLS_OF_A_GIF)
    picture = Picture(first, scale, _titles(first), _with_name(film, first[0], frames[0]), LIGHT)

    def pictures() -> Iterator[Image.Image]:
        for frame in frames:
            panels = chosen.panels(frame, _MOST_CELLS_OF_A_GIF)
            if [sample.values.shape for sample in panels] != [sample.values.shape for sample in first]:
                raise SimError(f"{frame.path}: {film.name!r} isn't on the grid of the other snapshots")
            picture.show(panels, _with_name(film, panels[0], frame))
            yield Image.fromarray(picture.pixels()).quantize(palette=palette, dither=Image.Dither.NONE)

    palette = _palette(scale)
    stream = io.BytesIO()
    moving = pictures()
    durations = [_MILLISECONDS] * (len(frames) - 1) + [_LAST_MILLISECONDS]
    next(moving).save(
        stream, "GIF", save_all=True, append_images=moving, duration=durations, loop=0, optimize=False, disposal=1
    )
    return stream.getvalue()


def spread(frames: Sequence[Frame], most: int) -> list[Frame]:
    """At most so many of the frames, the first and the last among them."""
    if len(frames) <= most:
        return list(frames)
    return [frames[round(i * (len(frames) - 1) / (most - 1))] for i in range(most)]


def _palette(scale: Scale) -> Image.Image:
    """256 colours for all frames: those of the writing and the lines on the paper, the rest the scale's own."""
    rgb = colors.to_rgb
    paper = np.array(rgb(LIGHT.paper))
    on_paper = [
        paper + (np.array(rgb(ink)) - paper) * np.linspace(0, 1, 16)[:, None] for ink in (LIGHT.ink, LIGHT.lines[0])
    ]
    others = np.array([rgb(LIGHT.faint), rgb(LIGHT.missing)])
    known = np.concatenate([*on_paper, others])
    along = colormaps[scale.colours](np.linspace(0, 1, 256 - len(known)))[:, :3]
    palette = Image.new("P", (1, 1))
    palette.putpalette((np.concatenate([known, along]) * 255).round().astype(int).ravel().tolist())
    return palette


def _titles(panels: Sequence[Sample]) -> list[str]:
    return [sample.where for sample in panels]


def _with_name(film: Film, sample: Sample, frame: Frame) -> str:
    return f"{sample.field.long_name} at {film.heading(frame)}"
