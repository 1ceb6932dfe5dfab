"""The same as bars."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from sim.bench.contestants.roster import MEMCPY
from sim.bench.measuring import Entry
from sim.errors import SimError

_PANELS_A_ROW = 3


def check_kind(path: Path) -> None:
    """Raise SimError where what its name ends in is no kind of picture that can be drawn here."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1, 1))
    figure.text(0, 0, "T")
    try:
        figure.savefig(io.BytesIO(), format=path.suffix[1:].lower())
    except (ValueError, RuntimeError, OSError) as error:
        raise SimError(f"the chart {path} can't be drawn: {error}; use another --plot, such as bench.png") from None


def draw(works: Sequence[Sequence[Entry]], path: Path) -> None:
    """Bars of T_eff, a panel a work; the dotted line is memcpy.

    Raises OSError, ValueError where it can't be saved, as what its name ends in.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows, columns = -(-len(works) // _PANELS_A_ROW), min(len(works), _PANELS_A_ROW)
    figure, panels = pyplot.subplots(
        rows, columns, figsize=(5 * columns, 3.5 * rows), squeeze=False, layout="constrained"
    )
    for panel, entries in zip(panels.flat, works, strict=False):
        shown = [(s, s.teff) for s in reversed(entries) if s.teff is not None]
        colours = ["tab:orange" if s.contestant.ours else "tab:gray" for s, _ in shown]
        bars = panel.barh([s.contestant.name for s, _ in shown], [teff for _, teff in shown], color=colours)
        panel.bar_label(bars, fmt="%.3g", padding=2, fontsize="small")
        panel.margins(x=0.12)
        panel.set_title(entries[0].work.name, fontsize="medium")
        panel.set_xlabel("T_eff, GB/s")
        for s, teff in shown:
            if s.contestant.name == MEMCPY:
                panel.axvline(teff, color="tab:gray", linestyle=":")
    for panel in panels.flat[len(works) :]:
        panel.set_visible(False)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
