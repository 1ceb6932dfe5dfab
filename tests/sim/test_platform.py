"""Which GPU is whose; how many threads."""

from __future__ import annotations

from typing import Any

import pytest

from sim import platform
from sim.errors import SimError

RANK_5 = {"SLURM_PROCID": "13", "SLURM_STEP_NUM_TASKS": "16", "SLURM_LOCALID": "5"}


@pytest.mark.parametrize(
    ("visible", "rank", "bound"),
    [
        ("0,1,2,3", RANK_5, "1"),  # SLURM shows a node's GPUs to all of its ranks
        ("4,5,6,7,8,9", RANK_5, "5"),  # of those that are shown, counted from 0
        ("2", RANK_5, None),  # one of its own: --gpus-per-task
        ("", RANK_5, None),
        ("0,1,2,3", {}, None),  # started by hand: all are its own
    ],
)
def test_a_rank_takes_the_gpu_of_its_number(
    visible: str, rank: dict[str, str], bound: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Any] = {}
    monkeypatch.setattr(platform, "_backend_started", lambda: False)
    monkeypatch.setattr(platform.jax.config, "update", changes.__setitem__)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    for name, value in rank.items():
        monkeypatch.setenv(name, value)
    platform.configure(one_device=True)
    assert changes.get("jax_cuda_visible_devices") == bound


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ("0", True),
        ("-1", True),
        ("abc", True),
        ("", True),
        ("1.5", True),
        ("1000000", True),
        ("1", False),
        (" 16", False),
    ],
)
def test_threads_that_are_no_count_are_refused(given: str, wrong: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform.machine, "gpus", lambda: 0)
    monkeypatch.setenv("NPROC", given)
    if wrong:
        with pytest.raises(SimError, match=f"NPROC is how many threads XLA starts.*got {given!r}"):
            platform.check_threads()
    else:
        platform.check_threads()
