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
from sim.launcher import is_speaker
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
    """Measure in `folder`, by ranks started here.  Raises SimError where that can't be done."""
    if not (os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)):
        raise SimError(f"{folder} is no directory that can be written; give another to --writing")
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
    from sim.output.snapshot import Snapshot
    from sim.output.stream import MAIN, streams_of
    from sim.output.writer import choose_writer
    from sim.team import on_root

    sizes = [f"grid.{axis}.cells={_CELLS}" for axis in "xy"]
    case = casefile.load("heat2d", [*sizes, "numerics.dtype=float32"])
    stream = streams_of(case, ["u"])[MAIN]
    with membership.assembled(None, "mpi") as team:
        writer = choose_writer(wish, team)  # type: ignore[arg-type]
        box = choose_topology((_CELLS, _CELLS), team.size, 1).box(team.rank)
        block = np.random.default_rng(team.rank).random(box_shape(box), np.float32)
        path, seconds, dd = Path(on_root(team, lambda: _place(folder))), [], []
        for _ in range(_ROUNDS):
            dd.append(on_root(team, lambda: _dd(path.with_suffix(".dd"), stream.bytes)))
            team.barrier()
            begin = perf_counter()
            Snapshot(path, case, stream, 0.0, team, {}).complete({"u": [(box, block)]}, writer)
            seconds.append(max(team.gather(perf_counter() - begin)))
            if team.rank == 0:
                path.unlink()
        return Writing(team.size, writer.name, stream.bytes, seconds, dd) if team.rank == 0 else None


def _place(folder: Path) -> str:
    """Of a file of this process.  Raises SimError where there is no room for it."""
    from sim.output.durable import check_room

    try:
        check_room(folder, _SPACE)
    except OSError as error:
        raise SimError(f"{folder} can't be written: {error.strerror}; give another to --writing") from None
    return str(folder / f"sim-writing-{os.getpid()}.h5")


def _dd(path: Path, size: int) -> float:
    """Seconds.  Raises SimError."""
    command = ["dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={size >> 20}", "conv=fsync", "status=none"]
    begin = perf_counter()
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
        return perf_counter() - begin
    except (OSError, subprocess.CalledProcessError) as error:
        why = (getattr(error, "stderr", None) or str(error)).strip()
        raise SimError(f"dd can't write into {path.parent}: {why}; give another directory to --writing") from None
    finally:
        path.unlink(missing_ok=True)


def _main(folder: str = ".", writer: str = "") -> int:
    """A rank's own, where a writer is named."""
    try:
        if not writer:
            print(writing(Path(folder)).told())
        elif measured := _measure(Path(folder), writer):
            print(json.dumps(asdict(measured)))
    except SimError as error:
        if is_speaker():
            print(f"sim: error: {error}", file=sys.stderr, flush=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
