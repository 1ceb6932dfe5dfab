"""Programs that XLA need copy nothing for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

AnyProgram = TypeVar("AnyProgram", bound=Callable[..., Any])


def in_place(program: AnyProgram) -> AnyProgram:
    """Declare that whatever writes over what a loop of the program has read, depends on what that loop has found.

    Then the order of all that happens follows from the values alone, and the compiler may leave out every copy that
    this order does not ask for.  Of other programs it may not: what else it would keep the order by is lost where loops
    become functions (jax 0.10.2, `sim.platform`), and numbers would be read after they have been written over.
    """
    setattr(program, "in_place", True)  # noqa: B010
    return program


def is_in_place(program: Callable[..., Any]) -> bool:
    return bool(getattr(program, "in_place", False))
