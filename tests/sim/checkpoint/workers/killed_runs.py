"""Kills whole runs, resumes them, and kills them again, until they end; their files are those of a run left alone.

killed_runs.py POINTS RANDOM SEED      works in the current directory; prints
{"kills": …, "runs": …} as JSON

Each run is a forked process: JAX is imported once, before its backend has started.  What they compile they keep, where
they work: a kill may fall into that too.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sim
import sim.driver  # with all that it needs, once for all children
from sim import failpoints
from tests.results import files

CASE = {
    "name": "killed",
    "grid": {"x": {"cells": 30}, "y": {"cells": 20}},
    "equation": {"alpha": 0.7, "source": "sin(x)"},
    "initial": {"u": "cos(3 * x) * y"},
    "boundary": {"x": "neumann", "y": "periodic"},
    "time": {"end": 0.3, "step": 3.1e-4},
    "numerics": {"dtype": "float64"},
    "output": {"every": 0.07},
    "checkpoint": {"every": 60},
    "parallel": {"transport": "serial"},
}
KINDS = [["parallel.transport=serial"], ["parallel.transport=virtual", "parallel.blocks=6", "parallel.ghost_depth=2"]]
FAILED = 9


def forked(action: Callable[[], Any], armed: str | None, log: Path) -> int:
    if pid := os.fork():
        return pid
    try:
        sys.stderr = log.open("a")
        failpoints.arm(armed)
        action()
    except BaseException as error:
        print(repr(error), file=sys.stderr, flush=True)
        os._exit(FAILED)
    os._exit(0)


def ended(pid: int, log: Path) -> int:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, -signal.SIGKILL), log.read_text()[-3000:]
    return code


def begin_or_go_on(folder: Path, kind: list[str]) -> None:
    if (folder / "case.toml").exists():
        sim.resume(folder, overrides=kind)
    else:
        sim.run(CASE, output=folder, overwrite=True)


def main() -> None:
    warnings.simplefilter("ignore", RuntimeWarning)  # of forks where JAX runs, whose backend has not started here
    points, count, dice = int(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
    log, alone, killed = Path("log"), Path("alone"), Path("killed")
    os.environ["SIM_CACHE"] = str(Path("cache").absolute())
    for _ in range(2):  # the second one takes as long as those to be killed, which need not compile
        begin = time.monotonic()
        assert ended(forked(lambda: sim.run(CASE, output=alone, overwrite=True), None, log), log) == 0
    seconds, wanted = time.monotonic() - begin, files(alone)
    plan: list[str | None] = [f"{name}:{dice.randint(1, 3)}" for name in dice.sample(failpoints.NAMES, points)]
    plan += [None] * count
    dice.shuffle(plan)
    kills = runs = 0
    while plan:
        runs += 1
        shutil.rmtree(killed, ignore_errors=True)
        over = False
        while not over:
            armed = plan.pop() if plan else ""
            kind = dice.choice(KINDS)
            pid = forked(lambda kind=kind: begin_or_go_on(killed, kind), armed or None, log)  # type: ignore[misc]
            if armed is None:
                time.sleep(dice.uniform(0.2, 1.0) * seconds)
                os.kill(pid, signal.SIGKILL)
            over = ended(pid, log) == 0
            kills += not over
        found = files(killed)
        assert found.keys() == wanted.keys(), found.keys() ^ wanted.keys()
        assert not (differing := [name for name in wanted if found[name] != wanted[name]]), differing
    print(json.dumps({"kills": kills, "runs": runs}))


if __name__ == "__main__":
    main()
