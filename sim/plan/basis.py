"""What a forecast rests on: a machine's file, defaults where there is none, or what the user says of her network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from sim import machine, measured
from sim.costs import CoreRates
from sim.messages import Link


@dataclass(frozen=True)
class Basis:
    """Rates of a rank, its cache's bytes, messages, where they are from, and the worst error of what they foretold."""

    rates: CoreRates
    cache: int
    link: Link
    rates_from: str
    link_from: str
    error: float | None = None


# Between two nodes of a cluster, through a Python program.
_TYPICAL = Link(2e-5, 5e9)
_HOW = "`sim bench --scaling` measures them"


def basis(ndim: int, dtype: str, file: Path | None, latency: float | None, bandwidth: float | None) -> Basis:
    """From `file`, by default the user's own where there is one; latency in s and bandwidth in bytes/s win over it.

    Raises SimError where a file that was asked for, or the user's own, can't be read.
    """
    path = file or measured.default_path()
    if path is None or (file is None and not path.exists()):
        found = Basis(CoreRates(), machine.l2_bytes(), _TYPICAL, f"defaults; {_HOW}", f"defaults; {_HOW}")
    else:
        found = _measured(measured.read(path), ndim, dtype, path)
    if latency is not None:
        found = replace(found, link=replace(found.link, latency=latency), link_from="as given", error=None)
    if bandwidth is not None:
        found = replace(found, link=replace(found.link, bandwidth=bandwidth), link_from="as given", error=None)
    if (latency is None) != (bandwidth is None):
        found = replace(found, link_from=f"{'latency' if bandwidth is None else 'bandwidth'} as given")
    return found


def _measured(known: measured.Machine, ndim: int, dtype: str, path: Path) -> Basis:
    between = f"measured between {known.between}, {known.date}; --latency and --bandwidth give another network's"
    rates = known.rates(ndim, dtype)
    if rates is None:
        how = f"defaults, for {path} has none for {ndim}-D {dtype}; `sim bench --scaling` without --quick measures all"
        return Basis(CoreRates(), known.cache, known.link, how, between)
    where = f"measured on {known.name}, {known.date} ({path})"
    return Basis(rates, known.cache, known.link, where, between, known.worst_error)
