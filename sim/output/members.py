"""Which member of an ensemble is which: its number, and what it has for the keys that vary."""

from __future__ import annotations

import h5py
import numpy as np

from sim.case import Case, EnsembleTable
from sim.output.layout import MEMBER


def name_coordinates(field: h5py.Dataset, ensemble: EnsembleTable) -> None:
    """Say of a field with the axis `member` that what varies are its coordinates, as CF does: names between blanks."""
    field.attrs["coordinates"] = " ".join(ensemble.vary)


def write_members(file: h5py.File, case: Case) -> None:
    """The dimension scale `member`, and on it a variable for each key: numbers, or texts where one of them is."""
    labels = case.labels()
    scale = file.create_dataset(MEMBER, data=np.arange(len(labels), dtype=np.int64), track_times=False)
    scale.make_scale(MEMBER)
    scale.attrs.update(units="1", long_name="member of the ensemble")
    for key in labels[0]:
        values = [label[key] for label in labels]
        numbers = all(isinstance(value, float) for value in values)
        data = np.array(values) if numbers else [str(value) for value in values]
        kind = np.dtype(np.float64) if numbers else h5py.string_dtype()
        variable = file.create_dataset(key, data=data, dtype=kind, track_times=False)
        variable.attrs["long_name"] = f"{key} of the member"
        variable.dims[0].attach_scale(scale)
