"""What the monitor keeps: monitor.jsonl, a line a snapshot, and monitor.png, the last one and how it came to it."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sim.jsonable import jsonable
from sim.looking.chart import What, draw_statistics
from sim.looking.cut import cuts_of
from sim.looking.field import Sample, fields_of, times_of
from sim.looking.look import Look
from sim.looking.picture import draw_panel
from sim.looking.scale import scale_over
from sim.looking.statistics import Statistics, statistics_of
from sim.looking.style import DPI, LIGHT, drawn_in, label
from sim.looking.words import in_units, quantity
from sim.output.durable import replace_quickly
from sim.output.rundir import RunDirectory

# Of a field, at most: as much as a picture can show.
_CELLS_OF_A_SAMPLE = 400**2
_CELLS_ALONG_AN_AXIS = 400
_MOST_FIELDS = 4


class Notebook:
    """Reads every so-maniest cell of a snapshot; minimum, maximum and mean are of those."""

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory
        self._times: list[float] = []
        self._history: dict[str, list[Statistics]] = {}
        self._panels: list[Sample] = []
        self._heading, self._time_units = "", "1"
        self._drawn = 0

    def note(self, look: Look) -> None:
        """Add a line.  Raises SimError or OSError."""
        times, self._time_units = times_of(look.path)
        fields = list(fields_of(look.path).values())[:_MOST_FIELDS]
        said: dict[str, Any] = {}
        for field in fields:
            sample = field.sample(int(_CELLS_OF_A_SAMPLE ** (1 / len(field.axes))))
            numbers = statistics_of([sample.values])
            self._history.setdefault(field.name, []).append(numbers)
            said[field.name] = {**asdict(numbers), "every": list(sample.strides)}
        now = float(times[0])
        line = {
            "snapshot": look.number,
            "step": look.step,
            "time": now,
            "seconds": round(look.elapsed, 3),
            "fields": said,
        }
        with self._directory.monitor_lines.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(jsonable(line), allow_nan=False) + "\n")
        self._times.append(now)
        self._panels = [field.sample(_CELLS_ALONG_AN_AXIS, cuts_of(field)[0]) for field in fields]
        self._heading = f"t = {quantity(now, self._time_units)}, step {look.step:,}"

    def draw(self) -> None:
        """Replace the picture, where there is anything new to show.  Raises OSError."""
        if self._drawn == len(self._times):
            return
        self._drawn = len(self._times)
        with drawn_in(LIGHT):
            figure = Figure(figsize=(11.0, 4.4 * len(self._panels)), dpi=DPI, layout="constrained")
            FigureCanvasAgg(figure)
            rows = figure.subplots(len(self._panels), 2, squeeze=False, width_ratios=(1.15, 1))
            for (left, right), sample in zip(rows, self._panels, strict=True):
                field = sample.field
                artist = draw_panel(left, sample, scale_over([sample.values]), LIGHT)
                left.set_title(label(sample.where))
                if len(sample.axes) == 2:
                    figure.colorbar(artist, ax=left, label=label(in_units(field.long_name, field.units)))
                known = self._history[field.name]
                what = What(field.long_name, field.units, self._time_units)
                draw_statistics(right, what, self._times[-len(known) :], known)
            figure.suptitle(label(self._heading))
            stream = io.BytesIO()
            figure.savefig(stream, format="png", dpi=DPI)
        replace_quickly(self._directory.monitor_picture, stream.getvalue())
