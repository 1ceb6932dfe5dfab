"""What the tests of the application share: small cases, and an MPI of one rank that needs none installed."""

from __future__ import annotations

import copy
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from sim.launcher import _VARIABLES


@pytest.fixture(autouse=True)
def _started_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite may itself be a batch job's step; what is tested here is not."""
    for names in _VARIABLES.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of its own, where what a test makes by relative names belongs to it."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def small() -> Callable[..., dict[str, Any]]:
    return small_case


@pytest.fixture(scope="session")
def fields() -> Callable[[Path], list[np.ndarray]]:
    return fields_in


def small_case(shape: Sequence[int] = (12, 16), **changes: Any) -> dict[str, Any]:
    """A table of a case that runs in no time; `changes` are dotted keys, their dots written as __."""
    names = ("z", "y", "x")[-len(shape) :]
    table: dict[str, Any] = {
        "name": "small",
        "grid": {name: {"cells": n, "upper": 0.5 + 0.1 * n} for name, n in zip(names, shape, strict=True)},
        "equation": {"alpha": 0.7},
        "initial": {"u": " + ".join(f"{i + 2} * sin({i + 1} + 3*{name})" for i, name in enumerate(names))},
        "boundary": dict.fromkeys(names, "periodic"),
        "time": {"end": 0.03},
        "numerics": {"dtype": "float64"},
        "output": {"every": 0.01},
        "parallel": {"transport": "serial"},
    }
    for key, value in changes.items():
        *path, last = key.split("__")
        inner = table
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = copy.deepcopy(value)
    return table


def fields_in(directory: Path) -> list[np.ndarray]:
    """The field u of each snapshot of a run directory, in order; there are no gaps and nothing else."""
    paths = sorted((directory / "snapshots").iterdir(), key=lambda path: int(path.stem))
    assert [path.name for path in paths] == [f"{i}.h5" for i in range(len(paths))]
    found = []
    for path in paths:
        with h5py.File(path) as file:
            found.append(file["u"][0])
    return found


# ------------------------------------------------------------------------------- an MPI whose world is one rank


class FakeError(Exception):
    def Get_error_string(self) -> str:
        return str(self)


class FakeComm:
    """A communicator of one rank, which knows its duplicates that have not been freed."""

    def __init__(self, alive: list[FakeComm]) -> None:
        self._alive = alive
        alive.append(self)

    def Dup(self) -> FakeComm:
        self._check()
        return FakeComm(self._alive)

    Clone = Dup

    def Free(self) -> None:
        self._check()
        self._alive.remove(self)

    def _check(self) -> None:
        if self not in self._alive:
            raise FakeError("invalid communicator: it has been freed")

    def Get_rank(self) -> int:
        self._check()
        return 0

    def Get_size(self) -> int:
        self._check()
        return 1

    rank = property(Get_rank)
    size = property(Get_size)

    def allgather(self, value: Any) -> list[Any]:
        self._check()
        return [copy.deepcopy(value)]

    def bcast(self, value: Any, root: int = 0) -> Any:
        self._check()
        assert root == 0
        return copy.deepcopy(value)

    def allreduce(self, value: Any, op: str) -> Any:
        self._check()
        return value

    def Split_type(self, kind: int) -> FakeComm:
        return self.Dup()

    def Barrier(self) -> None:
        self._check()

    def Abort(self, code: int = 0) -> None:
        raise SystemExit(code)


class FakeDatatype:
    def __init__(self, dtype: Any, box: tuple[slice, ...] = (), shape: Sequence[int] = ()) -> None:
        self.dtype, self.box, self.shape = np.dtype(dtype), box, tuple(shape)

    @classmethod
    def fromcode(cls, code: str) -> FakeDatatype:
        return cls(code)

    def Create_subarray(self, sizes: Sequence[int], subsizes: Sequence[int], starts: Sequence[int]) -> FakeDatatype:
        for whole, part, start in zip(sizes, subsizes, starts, strict=True):
            assert 0 <= start < start + part <= whole
        box = tuple(slice(start, start + part) for start, part in zip(starts, subsizes, strict=True))
        return FakeDatatype(self.dtype, box, sizes)

    def Commit(self) -> FakeDatatype:
        return self

    def Free(self) -> None:
        pass


class FakeFile:
    """MPI.File on a plain file: through a view, the elements of the box in order, nothing else touched."""

    def __init__(self, path: str) -> None:
        try:
            self._stream = Path(path).open("r+b")
        except OSError as error:
            raise FakeError(str(error)) from None

    @classmethod
    def Open(cls, comm: FakeComm, path: str, mode: int) -> FakeFile:
        comm._check()
        return cls(path)

    def Set_view(self, offset: int, element: FakeDatatype, view: FakeDatatype) -> None:
        self._offset, self._element, self._view = offset, element, view

    def Write_all(self, buffer: Sequence[Any]) -> None:
        block, element = buffer
        assert element.dtype == self._element.dtype == block.dtype and block.flags.c_contiguous
        place = np.arange(np.prod(self._view.shape)).reshape(self._view.shape)[self._view.box].ravel()
        assert place.size == block.size
        try:
            for index, value in zip(place.tolist(), block.ravel(), strict=True):
                self._stream.seek(self._offset + index * element.dtype.itemsize)
                self._stream.write(value.tobytes())
        except OSError as error:
            raise FakeError(str(error)) from None

    def Sync(self) -> None:
        self._stream.flush()

    def Close(self) -> None:
        self._stream.close()


@pytest.fixture
def single_rank_mpi(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """Stand-ins for mpi4py and mpi4jax in sys.modules; yields mpi4py.MPI.

    MPI.alive lists the communicators not yet freed: after a run, the world alone.
    """
    mpi4py, mpi, mpi4jax = (types.ModuleType(name) for name in ("mpi4py", "mpi4py.MPI", "mpi4jax"))
    alive: list[FakeComm] = []
    mpi4py.__dict__.update(rc=types.SimpleNamespace())
    mpi.__dict__.update(
        COMM_WORLD=FakeComm(alive),
        alive=alive,
        _sizeof=lambda _: 4,  # as of MPICH's handles
        SUM="sum",
        MAX="max",
        Comm=FakeComm,
        Intracomm=FakeComm,
        Datatype=FakeDatatype,
        File=FakeFile,
        MODE_WRONLY=4,
        THREAD_MULTIPLE=3,
        Query_thread=lambda: 3,
        COMM_TYPE_SHARED=0,
        LAND="land",
        Exception=FakeError,
        Is_initialized=lambda: True,
        get_vendor=lambda: ("a stand-in", (1, 0)),
        Is_finalized=lambda: False,
    )

    # On a ring of one, what mpi4jax does is a copy.
    def sendrecv(sendbuf: Any, recvbuf: Any, source: int, dest: int, *, comm: FakeComm, **_: Any) -> Any:
        assert source == dest == 0 and comm in alive and sendbuf.shape == recvbuf.shape
        return sendbuf + 0

    def allreduce(x: Any, op: str, *, comm: FakeComm) -> Any:
        assert op in ("sum", "max") and comm in alive
        return x + 0

    mpi4jax.__dict__.update(sendrecv=sendrecv, allreduce=allreduce)
    mpi4py.__dict__.update(MPI=mpi)
    for module in (mpi4py, mpi, mpi4jax):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    yield mpi
    assert sys.modules["mpi4py"] is mpi4py and sys.modules["mpi4jax"] in (mpi4jax, None)
