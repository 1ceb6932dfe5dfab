"""What the C library does with memory that XLA lets go of."""

from __future__ import annotations

import ctypes
import gc
import time

# Of <malloc.h>.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_NEVER = -1

# Seconds.
_MOMENT = 0.01


def keep_freed_memory() -> None:
    """Let the process keep memory that it frees, where its C library is glibc; elsewhere nothing.

    XLA allocates a program's temporary arrays anew whenever it runs.  By default glibc gives large ones back to the
    system each time, and the next ones are faulted in page by page: of a multigrid's V-cycle that is a quarter of the
    time, of one evaluation of a tendency three quarters.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _NEVER)
        mallopt(_M_TRIM_THRESHOLD, _NEVER)
        # Heaps of other threads than the first, which XLA's are, hold 64 MB at most, and are given back in any case.
        mallopt(_M_ARENA_MAX, 1)


def give_back_memory() -> None:
    """Let the system have what the process has kept and does not use, where its C library is glibc.

    For when large arrays of other sizes are to come, which may not fit into the gaps.
    """
    # JAX lets go of numpy's memory in a garbage collection only, and the next one may be a long time off.
    gc.collect()
    # XLA's threads hold a program's arrays for a moment longer than it takes to have the results.
    time.sleep(_MOMENT)
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
