"""What is known of this machine without measuring."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from pathlib import Path

_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_L2_BYTES = 1 << 20  # of most cores of this decade, where the system does not say

MOST_THREADS = 4096  # that XLA is let start: beyond them it takes long, or hangs


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def is_count_of_threads(text: str) -> bool:
    """Of NPROC, by which XLA counts them."""
    return re.fullmatch(r"\s*\d{1,9}\s*", text, re.ASCII) is not None and 1 <= int(text) <= MOST_THREADS


def gpus() -> int:
    """How many GPUs this process sees: what the batch system or the user shows it, else all of the machine."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    return len(list(Path("/dev").glob("nvidia[0-9]*"))) if listed is None else len(listed.split(","))


def l2_bytes(caches: Path = _CACHES) -> int:
    """What a core can hold near: the size of its second-level cache."""
    for index in sorted(caches.glob("index*")):
        try:
            level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        if level == "2" and kind != "Instruction" and size.endswith("K") and size[:-1].isdecimal():
            return int(size[:-1]) << 10
    return _L2_BYTES


def digest() -> str:
    """The same for machines on which the same compiled code runs, and runs as fast: processor, its features, cores."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    # Of one core; the names are those of x86 and of Arm.
    kinds = ("model name", "flags", "Features", "CPU implementer", "CPU part", "CPU variant")
    found = {line.split(":")[0].strip(): line for line in reversed(lines) if line.startswith(kinds)}
    text = "\n".join([platform.machine(), str(cores()), *sorted(found.values())])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
