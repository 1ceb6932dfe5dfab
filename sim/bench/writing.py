"""How fast a snapshot gets to disk, beside `dd` with fsync on the same disk: `python -m sim.bench.writing [FOLDER]`."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from sim.errors import SimError
from sim.subprocesses import clean_environment, find_mpirun, run_bounded
from sim.topology import box_shape, choose_topology

_CELLS = 8192
_ROUNDS = 5
_SECONDS = 300.0
_SPACE = 3 * 4 * _CELLS**2


@dataclass(frozen=True)
class Writing:
    """Seconds of each round, in turn, for the same bytes: by a snapshot, until it has its name, and by dd."""

    ranks: int
    writer: str
    bytes: int
    snapshot: list[float]
    dd: list[float]

    @property
    def rate(self) -> float:
        """GB/s of the median snapshot."""
        return self.bytes / statistics.median(self.snapshot) / 1e9

    @property
    def ratio(self) -> float:
        """How much of what dd reaches: the median over the rounds."""
        return statistics.median(d / s for d, s in zip(self.dd, self.snapshot, strict=True))

    def told(self, as_json: bool = False) -> str:
        """A line of text, or of JSON."""
        if as_json:
            return json.dumps({"writing": asdict(self) | {"ratio": self.ratio}})
        return (
            f"a snapshot of {_CELLS}² float32 by {self.ranks} ranks ({self.writer}): {self.rate:.2f} GB/s, "
            f"{self.ratio:.2f} × dd with fsync"
        )


def writing(folder: Path, ranks: int = 2, writer: str = "auto") -> Writing:
    """Measure in `folder`, by ranks started here.  Raises SimError where there is no mpirun, or it fails."""
    mpirun = find_mpirun()
    if mpirun is None:
        raise SimError(
            "writing is measured on ranks of MPI, and there is no mpirun; install it with: pip install mpich"
        )
    command = [mpirun, "-n", str(ranks), sys.executable, "-m", "sim.bench.writing", str(folder), writer]
    done = run_bounded(command, _SECONDS, {**clean_environment(), "PYTHONPATH": os.pathsep.join(sys.path)})
    if done.returncode != 0:
        raise SimError(f"writing in {folder} can't be measured: {done.complaint()}")
    return Writing(**json.loads(done.stdout.strip().splitlines()[-1]))


def _measure(folder: Path, wish: str) -> Writing | None:
    """The rounds, on each rank; what came of them on rank 0."""
    from sim import casefile, membership
    from sim.output.durable import check_room
    from sim.output.snapshot import Snapshot
    from sim.output.stream import MAIN, streams_of
    from sim.output.writer import choose_writer

    sizes = [f"grid.{axis}.cells={_CELLS}" for axis in "xy"]
    case = casefile.load("heat2d", [*sizes, "numerics.dtype=float32"])
    stream = streams_of(case, ["u"])[MAIN]
    with membership.assembled(None, "mpi") as team:
        writer = choose_writer(wish, team)  # type: ignore[arg-type]
        box = choose_topology((_CELLS, _CELLS), team.size, 1).box(team.rank)
        block = np.random.default_rng(team.rank).random(box_shape(box), np.float32)
        path, seconds, dd = folder / f"sim-writing-{os.getpid()}.h5", [], []
        if team.rank == 0:
            check_room(folder, _SPACE)
        path = Path(team.broadcast(str(path)))
        for _ in range(_ROUNDS):
            if team.rank == 0:
                dd.append(_dd(path.with_suffix(".dd"), stream.bytes))
            team.barrier()
            begin = perf_counter()
            Snapshot(path, case, stream, 0.0, team, {}).complete({"u": [(box, block)]}, writer)
            seconds.append(max(team.gather(perf_counter() - begin)))
            if team.rank == 0:
                path.unlink()
        return Writing(team.size, writer.name, stream.bytes, seconds, dd) if team.rank == 0 else None


def _dd(path: Path, size: int) -> float:
    command = ["dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={size >> 20}", "conv=fsync", "status=none"]
    begin = perf_counter()
    try:
        subprocess.run(command, check=True)
        return perf_counter() - begin
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        if measured := _measure(Path(sys.argv[1]), sys.argv[2]):
            print(json.dumps(asdict(measured)))
    else:
        print(writing(Path(sys.argv[1] if len(sys.argv) > 1 else ".")).told())
