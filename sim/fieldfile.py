"""A field read from a file, only the part wanted: `.npy`, `.npz`, HDF5 (and so netCDF-4)."""

from __future__ import annotations

import importlib
import importlib.util
import lzma
import math
import operator
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Any, Protocol

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

Box = tuple[slice, ...]
_Range = tuple[int, int]

_CHUNK_BYTES = 1 << 20  # of an archive's member, decompressed at a time
_NAMES_SHOWN = 20
_MAX_LINKS = 32
_MEMBER = ".npy"


class FieldFileError(ValueError):
    """A field that cannot be read from its file; one message: the fact, the value, the remedy."""


@dataclass(frozen=True)
class FieldFile:
    """One array of a file, opened anew for every read: nothing stays open, and it can be pickled.

    `shape` is the whole array's and `dtype` the file's own; `dataset` is its name there (None for .npy).
    Where `flip` is true the axis runs backwards: index 0 is the file's last.  An elevation model, stored
    north first, so gets a y that grows.  Built by `open_field`.
    """

    path: Path
    dataset: str | None
    flip: tuple[bool, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def read(self, box: Box) -> NDArray[np.float64]:
        """Return the cells of `box`, a slice of step 1 an axis: a new C-ordered array that the caller owns.

        No more than the box and about a megabyte (in an archive: at least one row) is in memory.
        Raises ValueError for a box outside `shape`, FieldFileError for a file that cannot be read (any more).
        """
        wanted = _checked_box(box, self.shape)
        ranges = tuple(
            (size - stop, size - start) if flipped else (start, stop)
            for (start, stop), size, flipped in zip(wanted, self.shape, self.flip, strict=True)
        )
        with _one_message(self.path):
            part = _format_of(self.path).read(self.path, self.dataset or "", ranges)
            if part.shape != tuple(stop - start for start, stop in ranges):
                raise ValueError("it has changed since the run began")
            turned = part[tuple(slice(None, None, -1 if flipped else 1) for flipped in self.flip)]
            return np.array(turned, dtype=np.float64, order="C")


def open_field(path: Path | str, dataset: str | None = None, flip: tuple[bool, ...] = ()) -> FieldFile:
    """Look into a file (.npy, .npz, .h5, .hdf5, .nc) without reading the data.

    `dataset` names the array in an .npz or HDF5 file; it may be left out where there is one array of real
    numbers.  `flip` has one bool an axis; empty, no axis is reversed.
    Raises FieldFileError: no such file, another format, no such dataset, not an array of real numbers.
    """
    path = Path(path)
    reader = _format_of(path)
    if not path.is_file():
        fact = "is not a regular file" if path.exists() else "does not exist"
        raise FieldFileError(f"field file {path} {fact}; check its path (a relative one starts at the case file)")
    with _one_message(path):
        name = _choose(reader.contents(path), path) if dataset is None else dataset
        try:
            layout = reader.layout(path, name)
        except KeyError:
            there = _listing(reader.contents(path))
            raise FieldFileError(f"{path} has no dataset {name!r}; it holds {there}") from None
    _check_layout(layout, f"dataset {name!r} of {path}" if name else str(path))
    flip = tuple(flip) or (False,) * len(layout.shape)
    if len(flip) != len(layout.shape):
        raise FieldFileError(f"flip has {len(flip)} axes, {path} has {len(layout.shape)}; give one for each")
    return FieldFile(path, name or None, flip, layout.shape, layout.dtype)


def resolve(path: Path | str, package: str | None, base: Path) -> Path:
    """Return where `path` lies: relative to `base`, or inside the installed `package`, which is not imported.

    Raises FieldFileError where the package is not installed or `path` leads out of its directory.
    """
    return _in_package(PurePath(path), package) if package is not None else base / path


def _in_package(path: PurePath, package: str) -> Path:
    # By its parts alone: some systems install a package's data as symbolic links to another place, and those
    # are the packager's, not the case's.
    if path.is_absolute() or ".." in path.parts:
        raise FieldFileError(f"path {str(path)!r} leaves package {package!r}; give one inside, without '..'")
    places = [Path(place) / path for place in _places(package)]
    if not places:
        raise FieldFileError(f"package {package!r} is not installed or has no files; install it, or drop the key")
    return next((place for place in places if place.exists()), places[0])


def _places(package: str) -> list[str]:
    if "." in package:  # importlib would import the parent to find it
        raise FieldFileError(f"package {package!r} is a subpackage; name the first part and a path inside it")
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    return [] if spec is None else list(spec.submodule_search_locations or ())


# ------------------------------------------------------------------------------------------ checks, messages


@dataclass(frozen=True)
class _Layout:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool = False

    def problem(self) -> str:
        """Why this is no field, or nothing."""
        if self.dtype.kind not in "biuf":
            return f"holds {self.dtype} values; a field takes real numbers"
        if not self.shape:
            return "is a single value; give a number instead of a file, or name another dataset"
        if 0 in self.shape:
            return f"is empty (shape {self.shape}); a field needs a value in each cell"
        return ""


def _check_layout(layout: _Layout, what: str) -> None:
    if problem := layout.problem():
        raise FieldFileError(f"{what} {problem}")


def _choose(contents: Mapping[str, _Layout], path: Path) -> str:
    # One array alone is chosen as it is: what is wrong with it is then said in its own message.
    suitable = [name for name, layout in contents.items() if len(contents) == 1 or not layout.problem()]
    if len(suitable) == 1:
        return suitable[0]
    count = "several arrays" if suitable else "no array"
    raise FieldFileError(f"{path} holds {count} of real numbers; name a dataset of {_listing(contents)}")


def _listing(contents: Mapping[str, _Layout]) -> str:
    shown = [f"{name!r} {lay.shape} {lay.dtype}" for name, lay in list(contents.items())[:_NAMES_SHOWN]]
    more = [f"and {len(contents) - _NAMES_SHOWN} more"] if len(contents) > _NAMES_SHOWN else []
    return ", ".join(shown + more) or "nothing"


def _checked_box(box: Box, shape: tuple[int, ...]) -> tuple[_Range, ...]:
    """Return start and stop for each axis; ValueError where the box leaves the array."""
    if len(box) != len(shape):
        raise ValueError(f"box of {len(box)} axes for a field of {len(shape)}")
    ranges = []
    for cut, size in zip(box, shape, strict=True):
        start = 0 if cut.start is None else operator.index(cut.start)
        stop = size if cut.stop is None else operator.index(cut.stop)
        if not (0 <= start <= stop <= size) or cut.step not in (None, 1):
            raise ValueError(f"box {cut} outside 0:{size}, or of a step other than 1")
        ranges.append((start, stop))
    return tuple(ranges)


# What numpy, zipfile, zlib and h5py raise for a damaged file: any of these.
_DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    SyntaxError,
    tokenize.TokenError,
    MemoryError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)


@contextmanager
def _one_message(path: Path) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's remarks on headers that Python 2 wrote
            yield
    except FieldFileError:
        raise
    except _DAMAGE as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise FieldFileError(f"cannot read {path}: {reason}; check that the file is whole and yours") from error


# --------------------------------------------------------------------------------------------------- formats


class _Format(Protocol):
    """How one kind of file is looked into and read; all its methods open the file and close it."""

    def contents(self, path: Path) -> dict[str, _Layout]:
        """All arrays of the file by name, in the file's order."""
        ...

    def layout(self, path: Path, name: str) -> _Layout:
        """One array's; KeyError if there is no such name."""
        ...

    def read(self, path: Path, name: str, ranges: tuple[_Range, ...]) -> NDArray[Any]:
        """The part of one array within `ranges` (start, stop), which lie inside its shape."""
        ...


def _format_of(path: Path) -> _Format:
    try:
        return _FORMATS[path.suffix.lower()]
    except KeyError:
        known = ", ".join(_FORMATS)
        raise FieldFileError(f"field file {path} has suffix {path.suffix!r}; known: {known}") from None


def _slices(ranges: tuple[_Range, ...]) -> Box:
    return tuple(slice(*limits) for limits in ranges)


def _npy_layout(stream: IO[bytes]) -> _Layout:
    """Read the header of the .npy format, leaving the stream at the first value."""
    version = npy_format.read_magic(stream)
    if version == (1, 0):
        header = npy_format.read_array_header_1_0(stream)
    elif version == (2, 0):
        header = npy_format.read_array_header_2_0(stream)
    else:  # 3.0 is for field names beyond Latin-1, and records are no fields
        raise ValueError(f"version {version} of the .npy format")
    shape, fortran, dtype = header
    if any(size < 0 for size in shape):
        raise ValueError(f"negative shape {shape}")
    return _Layout(shape, dtype, fortran)


class _Npy:
    """One array, mapped into memory: the system reads the pages touched."""

    def contents(self, path: Path) -> dict[str, _Layout]:
        with path.open("rb") as stream:
            return {"": _npy_layout(stream)}

    def layout(self, path: Path, name: str) -> _Layout:
        if name:
            raise FieldFileError(f"{path} holds one array without a name; leave out dataset {name!r}")
        return self.contents(path)[""]

    def read(self, path: Path, name: str, ranges: tuple[_Range, ...]) -> NDArray[Any]:
        _check_layout(self.layout(path, name), str(path))  # also: it is no .npz, which np.load would open
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        return np.array(mapped[_slices(ranges)])


class _Npz:
    """Arrays in a zip archive, compressed or not: each a stream, whose rows are kept or passed over."""

    def contents(self, path: Path) -> dict[str, _Layout]:
        found = {}
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if member.endswith(_MEMBER):
                    with archive.open(member) as stream:
                        found[member.removesuffix(_MEMBER)] = _npy_layout(stream)
        return found

    def layout(self, path: Path, name: str) -> _Layout:
        with zipfile.ZipFile(path) as archive, archive.open(name + _MEMBER) as stream:
            return _npy_layout(stream)

    def read(self, path: Path, name: str, ranges: tuple[_Range, ...]) -> NDArray[Any]:
        with zipfile.ZipFile(path) as archive, archive.open(name + _MEMBER) as stream:
            layout = _npy_layout(stream)
            _check_layout(layout, f"dataset {name!r} of {path}")
            if layout.fortran:  # the same bytes as the transposed array in C order
                return _rows(stream, layout.shape[::-1], layout.dtype, ranges[::-1]).T
            return _rows(stream, layout.shape, layout.dtype, ranges)


def _rows(stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any], ranges: tuple[_Range, ...]) -> NDArray[Any]:
    """Read a box from a stream of a C-ordered array: rows before it are passed over, those after not read."""
    (start, stop), inner = ranges[0], _slices(ranges[1:])
    row_bytes = math.prod(shape[1:]) * dtype.itemsize
    part = np.empty([high - low for low, high in ranges], dtype)
    _pass_over(stream, start * row_bytes)
    step = max(1, _CHUNK_BYTES // row_bytes)
    for first in range(start, stop, step):
        count = min(step, stop - first)
        rows = np.frombuffer(_exactly(stream, count * row_bytes), dtype).reshape(count, *shape[1:])
        part[first - start : first - start + count] = rows[:, *inner]
    return part


def _pass_over(stream: IO[bytes], count: int) -> None:
    while count:
        count -= len(_exactly(stream, min(count, _CHUNK_BYTES)))


def _exactly(stream: IO[bytes], count: int) -> bytes:
    pieces = []
    while count:
        piece = stream.read(count)
        if not piece:
            raise EOFError("the data ends too early")
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


class _Hdf5:
    """Datasets of an HDF5 file, read by hyperslab; what would open other files is refused."""

    def contents(self, path: Path) -> dict[str, _Layout]:
        found: dict[str, _Layout] = {}
        with _hdf5(path) as file:
            h5py = importlib.import_module("h5py")
            # visititems follows hard links alone, each object once.
            file.visititems(
                lambda name, item: found.update({name: _hdf5_layout(item)} if isinstance(item, h5py.Dataset) else {})
            )
        return found

    def layout(self, path: Path, name: str) -> _Layout:
        with _hdf5(path) as file:
            dataset = _follow(file, name)
            layout = _hdf5_layout(dataset)
            _check_layout(layout, _what(file, name))
            _check_own_plain(dataset, _what(file, name))
            return layout

    def read(self, path: Path, name: str, ranges: tuple[_Range, ...]) -> NDArray[Any]:
        with _hdf5(path) as file:
            dataset = _follow(file, name)
            _check_own_plain(dataset, _what(file, name))
            part = np.asarray(dataset[_slices(ranges)])
            _check_no_gaps(part, dataset, _what(file, name))
            return part


@contextmanager
def _hdf5(path: Path) -> Iterator[Any]:
    # Loaded here: a run without HDF5 input does without h5py.
    with importlib.import_module("h5py").File(path, "r") as file:
        yield file


def _hdf5_layout(dataset: Any) -> _Layout:
    try:
        dtype = np.dtype(dataset.dtype)
    except TypeError:  # an HDF5 type that numpy does not have
        dtype = np.dtype(object)
    return _Layout(dataset.shape or (), dtype)


def _follow(file: Any, name: str) -> Any:
    """Return the dataset `name`, step by step, so that no link leads into another file; KeyError if none."""
    h5py = importlib.import_module("h5py")
    here, parts, links = file, deque(name.split("/")), 0
    while parts:
        part = parts.popleft()
        if part in ("", "."):
            continue
        link = here.get(part, getlink=True) if isinstance(here, h5py.Group) else None
        if isinstance(link, h5py.HardLink):
            here = here[part]
        elif isinstance(link, h5py.SoftLink) and links < _MAX_LINKS:
            links += 1
            here = file if link.path.startswith("/") else here
            parts.extendleft(reversed(link.path.split("/")))
        elif isinstance(link, h5py.ExternalLink):
            raise FieldFileError(f"{_what(file, name)} is a link into {link.filename!r}; give that file itself")
        else:
            raise KeyError(name)
    if not isinstance(here, h5py.Dataset):
        raise KeyError(name)
    return here


def _what(file: Any, name: str) -> str:
    return f"dataset {name!r} of {file.filename}"


def _check_own_plain(dataset: Any, what: str) -> None:
    """Refuse values that lie in other files, or that are not the field's but packed."""
    if dataset.is_virtual:
        raise FieldFileError(f"{what} is virtual: its values lie in other files; give one of those")
    if dataset.external:
        raise FieldFileError(f"{what} keeps its values in {dataset.external[0][0]!r}; put them into one file")
    for key, neutral in (("scale_factor", 1), ("add_offset", 0)):
        if np.any(np.asarray(dataset.attrs.get(key, neutral)) != neutral):
            raise FieldFileError(f"{what} is packed ({key} {dataset.attrs[key]}); store plain numbers")


def _check_no_gaps(part: NDArray[Any], dataset: Any, what: str) -> None:
    """Refuse cells marked as missing by the conventions of netCDF."""
    for key in ("_FillValue", "missing_value"):
        if key in dataset.attrs and np.isin(part, np.ravel(dataset.attrs[key])).any():
            raise FieldFileError(f"{what} has cells without a value ({key}); fill the gaps first")


_FORMATS: Mapping[str, _Format] = {
    ".npy": _Npy(),
    ".npz": _Npz(),
    ".h5": _Hdf5(),
    ".hdf5": _Hdf5(),
    ".nc": _Hdf5(),
}
