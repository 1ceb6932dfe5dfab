"""A field read from a file, only the part wanted: `.npy`, `.npz`, HDF5 (and so netCDF-4)."""

from sim.fieldfile.field import FieldFile, open_field
from sim.fieldfile.layout import FieldFileError
from sim.fieldfile.place import resolve

__all__ = ["FieldFile", "FieldFileError", "open_field", "resolve"]
