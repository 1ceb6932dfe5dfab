"""Where programs meet XLA."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from sim import platform
from solvers.in_place import is_in_place


def jitted(run: Callable[..., Any], program: Callable[..., Any], donate: tuple[int, ...]) -> Any:
    """`run`, a program on all blocks, compiled as may be done with that program (`solvers.in_place`)."""
    options = platform.in_place_options() if is_in_place(program) else {}
    return jax.jit(run, donate_argnums=donate, compiler_options=options or None)
