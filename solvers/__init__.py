"""The numerics of halostep: arrays in, arrays out.

This package knows JAX and numpy.  It knows no MPI, no device mesh, no file and no case: what it needs
from the outside world it asks of an `Exchange` (see `solvers.exchange`).
"""
