"""The pictures and charts of a report, each on white and on dark paper."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

from sim.errors import SimError
from sim.looking.chart import What, chart, draw_series, draw_statistics
from sim.looking.cut import cuts_of
from sim.looking.field import Field
from sim.looking.film import Film, curves, spread, strip
from sim.looking.info import fields_of_run
from sim.looking.recorded import Frame, Run
from sim.looking.series import series_of
from sim.looking.statistics import Statistics, statistics_of
from sim.looking.style import DARK, LIGHT, Theme
from sim.looking.words import in_units

_MOST_FIELDS, _MOST_SERIES, _MOST_TIMES = 8, 8, 400
# So much is read to the last cell; of more, a sample.
_BYTES_READ_WHOLE = 4 << 30
_CELLS_OF_A_SAMPLE = 1 << 20


@dataclass(frozen=True)
class Figured:
    """A picture on either paper, as data URIs."""

    title: str
    note: str
    light: str
    dark: str


@dataclass(frozen=True)
class Gallery:
    """What there is to show of a run; snapshots that can't be read are left out, the findings name them."""

    run: Run

    @cached_property
    def frames(self) -> list[Frame]:
        """Up to so many that can be read, evenly chosen."""
        there = [frame for frame in self.run.recording.frames if frame.is_there]
        return [frame for frame in spread(there, _MOST_TIMES) if _is_readable(frame)]

    @cached_property
    def fields(self) -> list[Field]:
        return fields_of_run(self.run)

    @cached_property
    def whole(self) -> bool:
        """Whether there is little enough to read every value."""
        return len(self.run.recording.frames) * sum(field.bytes for field in self.fields) <= _BYTES_READ_WHOLE

    def pictures(self) -> Iterator[Figured]:
        """Of each field: a line's curves, or some times of a plane side by side."""
        for field, film in self._films():
            shown = film.panels(film.frames[-1], 1)[0]
            draw = curves if len(shown.axes) == 1 else strip
            yield _figured(in_units(field.long_name, field.units), shown.where, partial(draw, film))

    def charts(self) -> Iterator[Figured]:
        """Of each field its extremes and mean, and all other series."""
        units = self.run.recording.time_units
        note = "minimum, mean and maximum of each snapshot" + ("" if self.whole else ", from a sample of its cells")
        for field, film in self._films():
            numbers = [self._statistics(film.field(frame)) for frame in film.frames]
            times, what = [frame.time for frame in film.frames], What(field.long_name, field.units, units)
            draw = partial(draw_statistics, what=what, times=times, values=numbers)
            yield _figured(field.long_name, note, partial(chart, draw))
        for series in series_of(self.run)[:_MOST_SERIES]:
            what = What(series.name, series.units, units)
            curves_ = partial(draw_series, what=what, times=series.times, curves=series.curves)
            yield _figured(series.name, "", partial(chart, curves_))

    def _films(self) -> Iterator[tuple[Field, Film]]:
        for field in self.fields[:_MOST_FIELDS]:
            on_its_grid = [f for f in self.frames if (there := f.fields().get(field.name)) and there.axes == field.axes]
            if on_its_grid:
                yield field, Film(self.run.recording, field.name, cuts_of(field), on_its_grid)

    def _statistics(self, field: Field) -> Statistics:
        if self.whole:
            return statistics_of(field.slabs())
        return statistics_of([field.sample(int(_CELLS_OF_A_SAMPLE ** (1 / len(field.axes)))).values])


def _is_readable(frame: Frame) -> bool:
    try:
        return bool(frame.fields())
    except SimError:
        return False


def _figured(title: str, note: str, draw: Callable[[Theme], bytes]) -> Figured:
    light, dark = (f"data:image/png;base64,{base64.b64encode(draw(theme)).decode()}" for theme in (LIGHT, DARK))
    return Figured(title, note, light, dark)
