"""Memory that XLA lets go of, and asks for again."""

from __future__ import annotations

import statistics
import subprocess
import sys

SCRIPT = """
from sim import platform
platform.configure(1)
import resource
import jax, jax.numpy as jnp

@jax.jit
def program(turns):
    temporary = jnp.zeros(20_000_000, jnp.float32)
    return jax.lax.fori_loop(0, turns, lambda i, temporary: temporary + i, temporary).max()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    program(2).block_until_ready()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print([faults() for _ in range(12)])
"""


def test_a_programs_temporary_arrays_are_not_faulted_in_whenever_it_runs() -> None:
    """80 MB of them: more than one heap of glibc's for threads, which XLA's are, would hold.

    The heap may grow once more, when something small has come to lie in the hole that they left.
    """
    said = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=True)
    first, *later = map(int, said.stdout.strip(" []\n").split(","))
    assert first > 80e6 / 65536 and statistics.median(later) < first / 100
