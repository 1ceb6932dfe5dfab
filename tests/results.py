"""What a run has written, to the byte."""

from __future__ import annotations

from pathlib import Path

import h5py


def files(folder: str | Path) -> dict[str, bytes]:
    """Snapshots as they are; of results.h5, which also says how the run was made, what it holds."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("[0-9]*.h5")}
    with h5py.File(Path(folder) / "results.h5") as file:
        return found | {name: file[name][...].tobytes() for name in ("u", "time", "step")}
