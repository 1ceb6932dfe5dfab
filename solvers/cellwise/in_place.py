"""Where there are GPUs: what a function makes, written by one kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax

from solvers.block import Count
from solvers.cellwise.program import KernelProgram, NotTakenError
from solvers.fields import Fields

INTERPRETED = False
"""Whether kernels are run by Pallas' interpreter, for tests where there is no GPU."""


def written(function: Callable[[], Fields], into: Fields, corner: Sequence[Count]) -> Fields | None:
    """`into` with function()'s results from `corner` on, by one kernel that writes them in place; None without one.

    There is none where there is no GPU, or where function() is more than shifts and arithmetic.  Its intermediate
    arrays, and ghosts that it fills, are never stored, but for arrays of a few cells (`solvers.cellwise.program`): they
    are computed where a cell needs them.  Of an array that is written each cell may read itself, and no other cell.
    """
    if jax.default_backend() != "gpu" and not INTERPRETED:
        return None
    # Pallas takes a while to import.
    from solvers.cellwise.kernel import run

    names = sorted(into)

    def results() -> list[jax.Array]:
        made = function()
        return [made[name] for name in names]

    try:
        done = run(KernelProgram(results), [into[name] for name in names], corner, INTERPRETED)
    except NotTakenError:
        return None
    return dict(zip(names, done, strict=True))
