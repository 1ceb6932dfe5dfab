"""Runs one case once for each way to write files, on however many ranks; rank 0 prints the digests of the files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import h5py

import sim
from sim.launcher import launched
from tests.cases import table

OUTPUT = {
    "every": 0.1,
    "stride": {"y": 2},
    "fields": {"u": {"dtype": "float32"}},
    # A slice that most ranks have nothing of, and a box across the cuts.
    "extra": {
        "slice": {"index": {"z": 0, "y": 5}, "every": 0.04},
        "box": {"box": {"x": [0.5, 1.5]}, "stride": {"z": 3}},
    },
}


def digests(folder: Path) -> dict[str, str]:
    """Of all files but the series, which tell how they were written."""
    paths = sorted(path for path in folder.glob("**/*.h5") if path.stem.isdecimal())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def run(name: str, parallel: dict[str, Any], compress: str = "none") -> dict[str, str]:
    case = {**table(3, "float64"), "output": {**OUTPUT, "compress": compress}, "parallel": parallel}
    return digests(sim.run(case, output=f"out/{name}").directory)


def main() -> None:
    launch = launched()
    ways = ["plain"] if launch is None or launch.size == 1 else ["plain", "mpi-io"]
    if len(ways) > 1 and h5py.get_config().mpi:
        ways.append("hdf5")
    found = {
        f"{writer}, overlap {overlap}": run(f"{writer}-{overlap}", {"writer": writer, "overlap": overlap})
        for writer in ways
        for overlap in (True, False)
    }
    packed = run("packed", {}, "gzip")
    if launch is None or launch.rank == 0:
        print(json.dumps([found, packed]))


if __name__ == "__main__":
    main()
