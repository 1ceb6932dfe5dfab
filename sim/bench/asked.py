"""What the user asks to be measured, in words: `4096x4096,float32,48,alpha=field`."""

from __future__ import annotations

import math
import re
from typing import Any

from sim.bench.work import Work
from sim.errors import SimError

_FORM = "NxN or NxNxN, then float32 or float64, steps, alpha=field, every=STEPS, lean; such as 4096x4096,float64,48"
_DEFAULT_CELL_STEPS = 1 << 31
# Fewer along an axis may hold no wave that outlasts a step.
_FEWEST_CELLS = 4
_FEWEST_STEPS, _MOST_STEPS = 4, 1000


def work_of(text: str) -> Work:
    """A work from its description.  Raises SimError where it is none."""
    size, *words = (word.strip() for word in text.split(","))
    if not re.fullmatch(r"[1-9]\d{0,6}(x[1-9]\d{0,6}){1,2}", size):
        raise SimError(f"a work is {_FORM}; got {text!r:.200}")
    shape = tuple(int(n) for n in size.split("x"))
    if min(shape) < _FEWEST_CELLS:
        raise SimError(
            f"--work {text:.200}: no wave that outlasts the steps fits {min(shape)} cells; an axis has "
            f"{_FEWEST_CELLS} or more"
        )
    found: dict[str, Any] = {"dtype": "float32", "steps": _default_steps(shape)}
    for word in words:
        found.update(_read(word, text))
    if found.get("every", 0) > found["steps"]:
        raise SimError(f"--work {text}: an output every {found['every']} steps never comes in {found['steps']} steps")
    work = Work(shape, **found)
    if work.decay <= work.tolerance:
        raise SimError(
            f"--work {text:.200}: {work.steps} steps leave nothing of the longest wave that fits, and any answer "
            f"would pass; give more cells or fewer steps, such as {size},{work.dtype},{_FEWEST_STEPS}"
        )
    return work


def _read(word: str, text: str) -> dict[str, Any]:
    if word in ("float32", "float64"):
        return {"dtype": word}
    if word == "alpha=field":
        return {"alpha": "field"}
    if word == "lean":
        return {"lean": True}
    if match := re.fullmatch(r"every=([1-9]\d{0,8})", word):
        return {"every": int(match[1])}
    if re.fullmatch(r"[1-9]\d{0,8}", word):
        return {"steps": int(word)}
    raise SimError(f"a work is {_FORM}; got {word!r:.80} in {text!r:.200}")


def _default_steps(shape: tuple[int, ...]) -> int:
    """An even number of steps that take a second or so."""
    return 2 * min(_MOST_STEPS // 2, max(_FEWEST_STEPS // 2, _DEFAULT_CELL_STEPS // math.prod(shape)))
