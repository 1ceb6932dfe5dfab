"""Whether two equations are one program."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Hashable, Mapping
from enum import Enum
from typing import Any

import numpy as np

from solvers.equations import Equation


def signature(value: Any) -> Hashable:
    """What an equation is made of; equal for two of them only if they compute the same of the same arguments.

    Of functions that is where they are written, and what they have from there.  What it does not know equals itself
    alone.
    """
    kind = _kind(type(value))
    if value is None or isinstance(value, (str, bytes, bool, int, float, Enum, type, np.generic)):
        # Told apart by their kind and text: 0.0 and -0.0 are two numbers, 1 and 1.0 too.
        return kind, repr(value)
    if isinstance(value, np.ndarray):
        return kind, value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, Mapping):
        return kind, tuple((signature(key), signature(inner)) for key, inner in value.items())
    if isinstance(value, (tuple, list)):
        return kind, tuple(map(signature, value))
    if isinstance(value, (set, frozenset)):
        return kind, frozenset(map(signature, value))
    if isinstance(value, functools.partial):
        return kind, signature(value.func), signature(value.args), signature(value.keywords)
    if isinstance(value, types.FunctionType):
        inside = tuple(signature(cell.cell_contents) for cell in value.__closure__ or ())
        return value.__code__, inside, signature(value.__defaults__), signature(value.__kwdefaults__)
    if dataclasses.is_dataclass(value):
        return kind, tuple(signature(getattr(value, each.name)) for each in dataclasses.fields(value))
    if isinstance(value, Equation):
        return kind, signature(vars(value))
    return kind, id(value)


def _kind(kind: type) -> Hashable:
    """By name: the module of an equation in Python is loaded for each member.  What a function makes is its own."""
    return kind if "<locals>" in kind.__qualname__ else (kind.__module__, kind.__qualname__)
