"""Chunks: whole turns of the loop, about a second each."""

from __future__ import annotations

import pytest

from sim.chunks import Chunks
from solvers.march import stages_in_a_turn


@pytest.mark.parametrize("turn", [1, 2, 6, 16, 64])
def test_they_are_whole_turns(turn: int) -> None:
    chunks = Chunks(turn)
    assert chunks.first % turn == 0
    for steps in (32, 64, 1000):
        # 100 steps a second.
        following = chunks.next(steps, steps / 100)
        assert following % turn == 0 and abs(following - 100) <= turn / 2


def test_a_turn_that_takes_long_is_not_waited_for() -> None:
    assert Chunks(256).next(2, 10.0) == 2
    assert Chunks(1000).first == 16


def test_they_grow_with_care() -> None:
    assert Chunks(2).next(10, 1e-9) == 40


@pytest.mark.parametrize(("k", "stages"), [(1, 2), (2, 2), (3, 6), (16, 16)])
def test_a_turn_ends_with_the_buffers_where_they_were(k: int, stages: int) -> None:
    assert stages_in_a_turn(k) == stages
