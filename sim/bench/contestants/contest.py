"""What every contestant does around its own loop."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import cache

import numpy as np

from sim.bench.work import Work

Loop = Callable[[Work, np.ndarray, int], np.ndarray]
"""loop(work, u with ghosts, steps) → u with ghosts after so many steps; may use u's memory."""

_WARM_STEPS = 2


def contest(loop: Loop) -> None:
    """Run a loop on the work of the command line, once warm; print what came of it."""
    work = Work.from_json(sys.argv[1])
    loop(work, work.initial(), _WARM_STEPS)
    u = work.initial()
    begin = time.perf_counter()
    u = loop(work, u, work.steps)
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "error": work.error(u)}))


@cache
def alpha_field(work: Work) -> np.ndarray:
    """α of each cell, ghosts included, where the work has it as a field; made when warm."""
    return np.ones([n + 2 for n in work.shape], work.dtype)


@cache
def second_buffer(work: Work) -> np.ndarray:
    """The other one of two in turn, ghosts included: its pages too are there when the time begins."""
    return np.full([n + 2 for n in work.shape], 0, work.dtype)


def fill_ghosts(u: np.ndarray) -> None:
    for axis in range(u.ndim):
        turned = np.moveaxis(u, axis, 0)
        turned[0], turned[-1] = -turned[1], -turned[-2]
