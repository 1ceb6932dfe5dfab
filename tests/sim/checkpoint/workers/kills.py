"""Kills writers of checkpoints, again and again, and looks each time whether the last one they made is still whole.

kills.py FOLDER RANKS RANDOM SEED      prints {"kills": …, "by point": {…}, "steps": …} as JSON

The ranks are forked processes that talk through pipes: no MPI, no JAX, some 50 kills a second.  Every group of them
goes on from what the one before has left, garbage included.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import numpy as np

from sim import failpoints
from sim.checkpoint.store import Checkpoint, Content, Store
from sim.team import Solo
from sim.topology import Box, Topology

SHAPE = (24, 40)
FAILED = 9
OF_A_RUN = ("lock written", "chunk done", "snapshot written")
POINTS = [name for name in failpoints.NAMES if name not in OF_A_RUN]


class PipeTeam:
    """Rank 0 asks all and tells all.  Whoever finds another one gone goes too, as mpirun would have it."""

    def __init__(self, rank: int, size: int, pipes: list[Connection]) -> None:
        self.rank, self.size, self._pipes = rank, size, pipes

    def gather(self, value: Any) -> list[Any]:
        try:
            if self.rank:
                self._pipes[0].send(value)
                return list(self._pipes[0].recv())
            values = [value, *(pipe.recv() for pipe in self._pipes)]
            for pipe in self._pipes:
                pipe.send(values)
            return values
        except (EOFError, OSError):
            os._exit(0)

    def broadcast(self, value: Any) -> Any:
        return self.gather(value)[0]

    def barrier(self) -> None:
        self.gather(None)

    def remember(self, way_on: str) -> None:
        pass

    def disband(self) -> None:
        pass


def expected(step: int, box: Box) -> dict[str, np.ndarray]:
    whole = np.arange(np.prod(SHAPE), dtype=np.float64).reshape(SHAPE)
    return {"u": (whole + 1000 * step)[box], "v": (whole.astype(np.float32) - step)[box]}


def check(checkpoint: Checkpoint, box: Box) -> int:
    step = checkpoint.manifest.step
    assert checkpoint.manifest.state == {"step": step}
    for name, values in expected(step, box).items():
        np.testing.assert_array_equal(checkpoint.read(name, box), values, strict=True)
    return step


def work(folder: Path, team: PipeTeam, count: int, acknowledge: int) -> None:
    """What a run does with checkpoints: read the newest, then write one after the other."""
    box = Topology(SHAPE, (1, team.size)).box(team.rank)
    store = Store(folder, team, keep=2)
    newest = store.newest()
    step = check(newest, box) if newest else 0
    for now in range(step + 1, step + 1 + count):
        blocks = {name: [(box, values)] for name, values in expected(now, box).items()}
        content = Content(now, 0.1 * now, dict.fromkeys(blocks, SHAPE), {"step": now}, {}, {}, {})
        store.write(content, blocks)
        if team.rank == 0:
            os.write(acknowledge, f"{now}\n".encode())


def fork(folder: Path, size: int, armed: str, victim: int, acknowledge: int) -> list[int]:
    pipes = [Pipe() for _ in range(size - 1)]
    pids = []
    for rank in range(size):
        if pid := os.fork():
            pids.append(pid)
            continue
        try:
            mine = [far for far, _ in pipes] if rank == 0 else [pipes[rank - 1][1]]
            for pipe in {end for both in pipes for end in both} - set(mine):
                pipe.close()
            failpoints.arm(armed if rank == victim else None)
            work(folder, PipeTeam(rank, size, mine), 5 if armed else 10_000, acknowledge)
        except BaseException as error:
            print(f"rank {rank}, {armed}: {error!r}", file=sys.stderr, flush=True)
            os._exit(FAILED)
        os._exit(0)
    for far, near in pipes:
        far.close()
        near.close()
    return pids


def end(pids: list[int]) -> list[int]:
    """Wait for all; the signals by which they ended."""
    ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    assert set(ended) <= {0, -signal.SIGKILL}, ended
    return [code for code in ended if code < 0]


def kill(folder: Path, size: int, armed: str, victim: int, after: float, whole_tree: bool) -> tuple[int, int]:
    """One group killed: how many processes that was, and the last step that they said was safe."""
    ear, mouth = os.pipe()
    pids = fork(folder, size, armed, victim, mouth)
    os.close(mouth)
    if not armed:
        time.sleep(after)
        for pid in pids if whole_tree else pids[victim : victim + 1]:
            os.kill(pid, signal.SIGKILL)
    killed = len(end(pids))
    with os.fdopen(ear) as said:
        steps = [int(line) for line in said]
    return killed, max(steps, default=0)


def scenarios(size: int, count: int, dice: random.Random) -> Iterator[tuple[str, int, float, bool]]:
    for name in POINTS:
        for victim in range(size):
            for number in (1, 2, 3):
                yield f"{name}:{number}", victim, 0.0, False
    for _ in range(count):
        yield "", dice.randrange(size), dice.uniform(0.0, 0.06), dice.random() < 0.5


def main() -> None:
    folder, size, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    dice = random.Random(int(sys.argv[4]))
    safe, kills, by_point = 0, 0, Counter[str]()
    for armed, victim, after, whole_tree in scenarios(size, count, dice):
        killed, said = kill(folder, size, armed, victim, after, whole_tree)
        kills, safe = kills + bool(killed), max(safe, said)
        by_point[armed.split(":")[0] or "random"] += bool(killed)
        newest = Store(folder, Solo(), keep=2).newest()
        step = check(newest, tuple(slice(0, n) for n in SHAPE)) if newest else 0
        assert step >= safe, f"after {armed or after}: {step} is there, {safe} was safe"
    names = sorted(entry.name for entry in folder.iterdir())
    print(json.dumps({"kills": kills, "by point": by_point, "steps": safe, "left": names}))


if __name__ == "__main__":
    main()
