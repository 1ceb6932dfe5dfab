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
    """`into` with function() from `corner` on: one kernel that reads what that takes, and writes it in place.

    Arrays that function() makes on its way, and ghosts that it fills, are never stored: what they hold is computed
    where it is needed, but for arrays of a few cells (`solvers.cellwise.program`).  Of what is written it may read the
    very cells, and no others.  None: it has no such kernel, being more than shifts and arithmetic, or there is no GPU.
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
