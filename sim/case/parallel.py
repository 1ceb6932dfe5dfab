"""[parallel]: where the run runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.case.table import Table
from sim.transport_name import Name

TileSize = Annotated[int, Field(ge=0)]


class ProcessGrid(Table):
    x: int = Field(1, ge=1)
    y: int = Field(1, ge=1)
    z: int = Field(1, ge=1)


class ParallelTable(Table):
    """Where the run runs.  Nothing here changes a bit of the result."""

    transport: Name = Field("auto", description="how blocks reach each other")
    halo: Literal["ppermute", "psum"] = Field("ppermute", description="XLA's collective that moves halos")
    ghost_depth: int | None = Field(
        None, ge=1, le=1024, description="stages an exchange, of which rk4 has four a step; by default measured"
    )
    tile: list[TileSize] | None = Field(
        None,
        max_length=3,
        description="cells stepped together in cache along the first axes, 0: all; []: whole blocks",
    )
    tune: Literal["auto", True, False] = Field(
        "auto",
        description="try depths and tiles where blocks outgrow the cache and that may pay; true: also in short runs; "
        "false: by a rule",
    )
    devices: int | None = Field(None, ge=1, le=4096, description="devices of each process (virtual ones on CPU)")
    blocks: int | None = Field(None, ge=1, le=4096, description="virtual ranks of the transport virtual")
    members: Literal["auto", "spread", "together"] = Field(
        "auto", description="of an ensemble: spread over ranks and devices, or all on each, which cut the domain"
    )
    members_at_once: bool | None = Field(
        None, description="step all members by one vmap, or one after the other; by default the latter on CPUs"
    )
    process_grid: ProcessGrid | None = Field(None, description="blocks along each axis; by default least surface")
    watchdog: float = Field(
        1800.0, ge=0, allow_inf_nan=False, description="seconds without progress that end the run; 0: never"
    )
    writer: Literal["auto", "plain", "mpi-io", "hdf5"] = Field(
        "auto", description="how ranks write one file: each by itself, by MPI-IO, or by a parallel HDF5"
    )
    overlap: bool = Field(True, description="compute on while files are written, at the cost of a copy of each block")
