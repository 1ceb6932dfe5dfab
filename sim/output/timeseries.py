"""probes.h5: the series of numbers that the probes have taken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from sim.case import Case
from sim.errors import SimError
from sim.output.durable import check_room, write_durably
from sim.output.layout import MEMBER
from sim.output.members import name_coordinates, write_members

_BYTES_OF_METADATA = 65536


class TimeSeries:
    """Rows of (step, time, one number a probe), on one rank; kept whole, for they are few beside the fields.

    Of an ensemble one number a probe and member, and where its members have steps of their own (`own_times`) one time
    a member: those that are ahead of others wait for them at outputs, and repeat their numbers.
    """

    def __init__(self, names: Sequence[str], members: int | None = None, own_times: bool = False) -> None:
        self.names = tuple(names)
        self.members = members
        self.own_times = own_times and members is not None
        self.steps: list[int] = []
        self.rows: list[np.ndarray] = []

    def append(self, step: int, row: np.ndarray) -> None:
        """`row` is float64[(members,) 1 + probes], the time first."""
        self.steps.append(step)
        self.rows.append(np.asarray(row, np.float64))

    def columns(self) -> dict[str, np.ndarray]:
        """time, step, and the numbers of each probe: ([member,] time), where members have times of their own
        (member, step), `time` too."""
        lead = () if self.members is None else (self.members,)
        table = np.array(self.rows).reshape(len(self.rows), *lead, 1 + len(self.names))
        times = table[..., 0].T if self.own_times else table.reshape(len(table), -1)[:, 0]
        of_each = {name: table[..., 1 + number].T for number, name in enumerate(self.names)}
        return {"time": times, "step": np.asarray(self.steps, np.int64), **of_each}

    def write(self, path: Path, case: Case) -> None:
        """The whole series as an HDF5 file, a dataset for each of `columns`.  Raises OSError."""
        columns = self.columns()

        def write(part: Path) -> None:
            check_room(part.parent, _BYTES_OF_METADATA + 2 * sum(column.nbytes for column in columns.values()))
            with h5py.File(part, "w") as file:
                time = file.create_dataset("time", data=columns["time"])
                time.attrs.update(units=case.output.time_units, long_name="time", axis="T")
                step = file.create_dataset("step", data=columns["step"])
                scale, others = (step, [time]) if self.own_times else (time, [step])
                scale.make_scale("step" if self.own_times else "time")
                if case.ensemble is not None:
                    write_members(file, case)
                for name in self.names:
                    others.append(file.create_dataset(name, data=columns[name]))
                    if case.ensemble is not None:
                        name_coordinates(others[-1], case.ensemble)
                for dataset in others:
                    dataset.dims[dataset.ndim - 1].attach_scale(scale)
                    if dataset.ndim > 1:
                        dataset.dims[0].attach_scale(file[MEMBER])

        write_durably(path, write)

    def read(self, path: Path, until: int) -> TimeSeries:
        """What a run had taken of the same by step `until`.  Raises SimError where the file does not hold that."""
        found = TimeSeries(self.names, self.members, self.own_times)
        try:
            with h5py.File(path) as file:
                steps = file["step"][:]
                times = file["time"][:].T
                columns = [file[name][:].T for name in self.names]
        except (OSError, KeyError) as error:
            raise SimError(
                f"the probes' series {path} can't be read ({error}); put it back, or take probes out of the case"
            ) from None
        for step, time, *row in zip(steps, times, *columns, strict=True):
            if step <= until:
                found.append(int(step), np.insert(np.stack(row, -1), 0, time, axis=-1))
        return found
