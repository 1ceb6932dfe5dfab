"""probes.h5: the series of numbers that the probes have taken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from sim.case import Case
from sim.errors import SimError
from sim.output.durable import check_room, write_durably

_BYTES_OF_METADATA = 65536


class TimeSeries:
    """Rows of (step, time, one number a probe), on one rank; kept whole, for they are few beside the fields."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.steps: list[int] = []
        self.rows: list[np.ndarray] = []

    def append(self, step: int, row: np.ndarray) -> None:
        """`row` is float64[1 + probes], the time first."""
        self.steps.append(step)
        self.rows.append(np.asarray(row, np.float64))

    def write(self, path: Path, case: Case) -> None:
        """The whole series as an HDF5 file, a dataset a probe on the dimension scale `time`.  Raises OSError."""
        table = np.array(self.rows).reshape(len(self.rows), 1 + len(self.names))

        def write(part: Path) -> None:
            check_room(part.parent, _BYTES_OF_METADATA + 2 * table.nbytes)
            with h5py.File(part, "w") as file:
                scale = file.create_dataset("time", data=table[:, 0])
                scale.make_scale("time")
                scale.attrs.update(units=case.output.time_units, long_name="time", axis="T")
                columns = {"step": np.asarray(self.steps, np.int64)}
                columns |= {name: table[:, 1 + number] for number, name in enumerate(self.names)}
                for name, values in columns.items():
                    file.create_dataset(name, data=values).dims[0].attach_scale(scale)

        write_durably(path, write)

    @classmethod
    def read(cls, path: Path, names: Sequence[str], until: int) -> TimeSeries:
        """What a run had taken by step `until`.  Raises SimError where the file does not hold that."""
        found = cls(names)
        try:
            with h5py.File(path) as file:
                steps = file["step"][:]
                columns = [file[name][:] for name in ("time", *names)]
        except (OSError, KeyError) as error:
            raise SimError(
                f"the probes' series {path} can't be read ({error}); put it back, or take probes out of the case"
            ) from None
        for step, *row in zip(steps, *columns, strict=True):
            if step <= until:
                found.append(int(step), np.array(row))
        return found
