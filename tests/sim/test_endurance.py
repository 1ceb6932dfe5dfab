"""What a long run must not do: compile again, or grow."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sim
from sim import simulation

Small = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("where", [{}, {"transport": "xla", "devices": 2, "ghost_depth": 3}], ids=["serial", "xla"])
def test_every_program_is_compiled_once(
    where: dict[str, Any], small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With outputs at odd and even steps, in chunks of many lengths."""
    made: dict[str, Any] = {}
    program = simulation.Simulation._program

    def remembered(self: Any, name: str, *arguments: Any) -> Any:
        return made.setdefault(name, program(self, name, *arguments))

    monkeypatch.setattr(simulation.Simulation, "_program", remembered)
    case = {**small((12, 16), time__step=1e-5, time__end=7.31e-4, output__every=1.3e-4), "parallel": where}
    result = sim.run(case, output=tmp_path / "run")
    assert result.steps > 70 and len(result.snapshots) > 5
    assert {"even", "single", "statistics", "blow_up"} <= set(made)
    assert {name: compiled._cache_size() for name, compiled in made.items()} == dict.fromkeys(made, 1)


def test_a_hundred_thousand_steps_take_no_memory(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    advance = simulation.Simulation.advance

    def watched(self: Any, *arguments: Any) -> float:
        seconds = advance(self, *arguments)
        sizes.append(resident_bytes())
        return seconds

    monkeypatch.setattr(simulation.Simulation, "advance", watched)
    # Chunks stay short, so that there are many.
    monkeypatch.setattr("sim.chunks.Chunks.next", lambda *_: 200)
    case = small((12, 16), time__step=1e-6, time__end=0.1, output__every=1.0)
    result = sim.run(case, output=tmp_path / "run")
    assert result.steps >= 100_000 and len(sizes) > 400
    assert sizes[-1] - sizes[len(sizes) // 10] < 2 << 20


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
