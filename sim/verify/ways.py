"""The ways to run a case that must not differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_MPI = ("mpi4py", "mpi4jax")


@dataclass(frozen=True)
class Way:
    """A transport, the processes and devices that it runs on, and who starts them.

    blocks: virtual ranks in one process.  needs: modules that ranks of mpirun import.
    """

    name: str
    transport: str
    ranks: int = 1
    devices: int = 1
    blocks: int | None = None
    halo: str | None = None
    start: Literal["alone", "mpirun", "by hand"] = "alone"
    needs: tuple[str, ...] = ()

    @property
    def total_blocks(self) -> int:
        """Into how many blocks the grid is cut."""
        return self.blocks or self.ranks * self.devices

    def options(self, ndim: int) -> list[str]:
        """Of `sim run`, on a grid of so many axes."""
        found = ["--transport", self.transport, "--devices", str(self.devices)]
        found += ["--blocks", str(self.blocks)] if self.blocks else []
        found += ["--halo", self.halo] if self.halo else []
        # Four blocks in a square have neighbours across corners, which four in a row have not.
        return found + (["--process-grid", "x=2,y=2"] if self.total_blocks == 4 and ndim > 1 else [])


WAYS = (
    Way("serial", "serial"),
    Way("xla, ppermute", "xla", devices=4, halo="ppermute"),
    Way("xla, psum", "xla", devices=4, halo="psum"),
    Way("auto-sharded", "auto-sharded", devices=4),
    Way("virtual, 4 blocks", "virtual", blocks=4),
    *(Way("mpi", "mpi", ranks, start="mpirun", needs=_MPI) for ranks in (2, 3, 4)),
    Way("hybrid", "hybrid", 2, 2, start="mpirun", needs=_MPI),
    Way("xla, by mpirun", "xla", 2, 2, start="mpirun", needs=("mpi4py",)),
    Way("xla, by hand", "xla", 2, 2, start="by hand"),
)
