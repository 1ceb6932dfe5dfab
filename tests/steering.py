"""A simulation that another program steers: its fields are looked at, and changed, between times."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

import sim


def at_outputs(running: sim.Running, times: Iterable[float]) -> Iterator[np.ndarray]:
    """The field u at each of some times."""
    for time in times:
        running.advance(to=float(time))
        yield running.whole("u")


def steered(case: dict[str, Any], comm: Any = None) -> list[str]:
    """Digests of u on all ranks' cells after each of three turns: step, look, and put what was made of it."""
    digests = []
    with sim.start(case, comm=comm) as running:
        for turn in range(1, 4):
            running.advance(to=0.03 * turn)
            found = [(tuple((s.start, s.stop) for s in place), u) for place, u in running.blocks("u")]
            mine = {bounds: np.tanh(u) + 0.25 for bounds, u in found}
            running.put("u", lambda place, mine=mine: mine[tuple((s.start, s.stop) for s in place)])
            running.put("source", lambda place, turn=turn: _heat(running, place) * turn)
            whole = np.empty(running.grid.shape)
            for parts in [found] if comm is None else comm.allgather(found):
                for bounds, u in parts:
                    whole[tuple(slice(*b) for b in bounds)] = u
            digests.append(hashlib.sha256(whole.tobytes()).hexdigest())
        return [*digests, str(running.statistics()), str(running.step)]


def _heat(running: sim.Running, place: tuple[slice, ...]) -> np.ndarray:
    y, x = (running.grid.centres(axis, cells.start, cells.stop) for axis, cells in enumerate(place))
    return np.exp(-(y[:, None] ** 2)) * x
