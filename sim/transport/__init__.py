"""How blocks reach each other: one protocol, and what stands behind it.

serial         one block                                                   single.py
mpi            a block a rank, mpi4jax                                     single.py, mpi.py
xla            a block a device, shard_map, on one or many processes       xla.py, collectives.py
hybrid         XLA within a rank, MPI between ranks                        xla.py, hybrid.py
virtual        many blocks in one process, vmap                            virtual.py, collectives.py
auto-sharded   the same, sharded over devices by XLA's partitioner         virtual.py, collectives.py

An ensemble's members lie together in every block of one of these (members.py), or are spread over places, each whole
(spread.py).
"""

from sim.transport.choice import Wish, choose_transport, resolve
from sim.transport.protocol import Program, Transport

__all__ = ["Program", "Transport", "Wish", "choose_transport", "resolve"]
