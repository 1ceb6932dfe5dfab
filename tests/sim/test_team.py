"""Ranks agree: what one of them finds wrong, all of them say."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sim.errors import SimError
from sim.team import MpiTeam, Solo, Team, agreement, on_root


class Threads:
    """A team whose ranks are threads; a rank that stays away breaks the barrier of the others."""

    def __init__(self, rank: int, table: list[Any], barrier: threading.Barrier) -> None:
        self.rank, self.size = rank, len(table)
        self._table, self._barrier = table, barrier

    def gather(self, value: Any) -> list[Any]:
        self._table[self.rank] = value
        self.barrier()
        gathered = list(self._table)
        self.barrier()
        return gathered

    def broadcast(self, value: Any) -> Any:
        return self.gather(value)[0]

    def barrier(self) -> None:
        self._barrier.wait()


def on_all(size: int, work: Callable[[Team], Any]) -> list[Any]:
    """What work(team) returned or raised, by rank."""
    table, barrier = [None] * size, threading.Barrier(size, timeout=5)

    def attempt(rank: int) -> Any:
        try:
            return work(Threads(rank, table, barrier))
        except Exception as error:
            return error

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(attempt, range(size)))


def test_all_well_is_all_well() -> None:
    def work(team: Team) -> str:
        with agreement(team):
            pass
        return "went on"

    assert on_all(3, work) == ["went on"] * 3


@pytest.mark.parametrize("culprit", [0, 1, 2])
def test_one_ranks_error_is_everybodys(culprit: int) -> None:
    def work(team: Team) -> None:
        with agreement(team):
            if team.rank == culprit:
                raise SimError(f"found by {team.rank}")

    errors = on_all(3, work)
    assert [type(error) for error in errors] == [SimError] * 3
    assert {str(error) for error in errors} == {f"found by {culprit}"}


def test_of_several_errors_all_say_the_same() -> None:
    """Else rank 0 might print another message than the one that the others stop for."""

    def work(team: Team) -> None:
        with agreement(team):
            if team.rank > 0:
                raise SimError(f"found by {team.rank}")

    assert {str(error) for error in on_all(4, work)} == {"found by 1"}


def test_a_bug_passes_through_at_once() -> None:
    def work(team: Team) -> None:
        with agreement(team):
            if team.rank == 1:
                raise KeyError("a bug")

    errors = on_all(2, work)
    assert isinstance(errors[1], KeyError)
    assert isinstance(errors[0], threading.BrokenBarrierError)  # waits: it is for the caller to end all


def test_on_root_acts_once_and_tells_all() -> None:
    acted: list[int] = []

    def work(team: Team) -> Any:
        return on_root(team, lambda: acted.append(team.rank) or {"answer": 42})

    assert on_all(3, work) == [{"answer": 42}] * 3
    assert acted == [0]


def test_on_root_shares_its_error() -> None:
    def work(team: Team) -> Any:
        def fail() -> None:
            raise SimError("no room")

        return on_root(team, fail)

    assert [str(error) for error in on_all(3, work)] == ["no room"] * 3


def test_solo_is_a_team_of_one() -> None:
    team = Solo()
    assert (team.rank, team.size, team.gather(7), team.broadcast(8)) == (0, 1, [7], 8)
    team.barrier()
    assert team.all_fail(0.0)
    with pytest.raises(SimError, match="mine"), agreement(team):
        raise SimError("mine")


def test_a_team_over_a_communicator(single_rank_mpi: Any) -> None:
    team = MpiTeam(single_rank_mpi.COMM_WORLD.Dup())
    assert (team.rank, team.size, team.gather("a"), team.broadcast("b")) == (0, 1, ["a"], "b")
    team.barrier()
    assert team.all_fail(0.0)
    with pytest.raises(SimError, match="mine"), agreement(team):
        raise SimError("mine")
