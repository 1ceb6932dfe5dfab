"""The ranks that measure writing fail together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_what_one_rank_finds_ends_all_at_once(mpirun: Callable[..., Any], tmp_path: Path) -> None:
    ended = mpirun(2, "-m", "sim.bench.writing", str(tmp_path / "nowhere"), "auto", timeout=60)
    assert ended.code == 2 and "Traceback" not in ended.stderr
    assert ended.stderr.count("sim: error:") == 1 and "nowhere can't be written: No such file" in ended.stderr
