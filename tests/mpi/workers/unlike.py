"""A run on ranks whose cores have unlike caches."""

from __future__ import annotations

from mpi4py import MPI

from sim import machine
from sim.cli import entry

machine.l2_bytes = lambda *_: 1 << (30 if MPI.COMM_WORLD.rank else 10)
entry()
