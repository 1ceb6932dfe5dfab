"""What came of a way, and whether all came to the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

SERIAL = "serial"


@dataclass(frozen=True)
class Outcome:
    """What came of a case run one way.

    status: "ran"; "absent", what it needs is not here; or "failed".  `why` explains the latter two.
    teff: effective throughput in GB/s.  sha256: of the final field, all its bytes in C order.
    equal: whether that is serial's; None where there is nothing to compare.
    """

    way: str
    ranks: int
    devices: int
    status: Literal["ran", "absent", "failed"]
    why: str = ""
    process_grid: tuple[int, ...] = ()
    ghost_depth: int | None = None
    teff: float | None = None
    sha256: str | None = None
    equal: bool | None = None


def judged(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes, told whether each is equal to the serial one."""
    serial = serial_digest(outcomes)
    if serial is None:
        return list(outcomes)
    return [replace(o, equal=o.sha256 == serial) if o.status == "ran" else o for o in outcomes]


def all_equal(outcomes: Sequence[Outcome]) -> bool:
    """Whether serial ran, and whatever ran gave its field; what is absent doesn't count."""
    return serial_digest(outcomes) is not None and all(o.equal for o in outcomes if o.status != "absent")


def serial_digest(outcomes: Sequence[Outcome]) -> str | None:
    return next((o.sha256 for o in outcomes if o.way == SERIAL and o.status == "ran"), None)
