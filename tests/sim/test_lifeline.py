"""Processes that watch each other, all in this one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from sim.lifeline import Lifeline
from sim.subprocesses import free_port

SECONDS = 10.0


class Line:
    """A process's lifeline, and whom it missed."""

    def __init__(self, coordinator: str, process: int) -> None:
        self.missed: list[int] = []
        self.told = threading.Event()
        self.lifeline = Lifeline(coordinator, process, self._lost)

    def _lost(self, process: int) -> None:
        self.missed.append(process)
        self.told.set()


Lines = Callable[[int], list[Line]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    made: list[Line] = []

    def make(count: int) -> list[Line]:
        coordinator = f"127.0.0.1:{free_port()}"
        # Process 0 comes last: the others wait for it.
        made.extend(reversed([Line(coordinator, process) for process in reversed(range(count))]))
        deadline = time.monotonic() + SECONDS
        while len(made[0].lifeline._watched) < count - 1:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return made

    yield make
    for line in made:
        line.lifeline.release()
        line.lifeline.close()


def go(line: Line) -> None:
    """As a process that is killed: its connections break, and it says nothing."""
    line.lifeline.release()
    line.lifeline.close()


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_all_are_told_who_is_gone(gone: int, lines: Lines) -> None:
    made = lines(3)
    go(made.pop(gone))
    for line in made:
        assert line.told.wait(SECONDS) and line.missed[0] == gone


def test_who_goes_after_the_end_is_not_missed(lines: Lines) -> None:
    made = lines(3)
    for line in made:
        line.lifeline.release()
    go(made.pop(1))
    time.sleep(0.5)
    assert not any(line.missed for line in made)


def test_what_xla_says_is_passed_on(lines: Lines) -> None:
    made = lines(2)
    coordinators, own = (("127.0.0.1", int(line.lifeline.address.rpartition(":")[2])) for line in made)
    with socket.create_server(coordinators) as coordinator, socket.create_connection(own) as client:
        client.sendall(b"who is there?")
        server, _ = coordinator.accept()
        with server:
            assert server.recv(100) == b"who is there?"
            server.sendall(b"all of us")
            assert client.recv(100) == b"all of us"
    assert not made[1].missed


def test_strangers_are_nobody(lines: Lines) -> None:
    made = lines(2)
    port = int(made[1].lifeline._beyond[1])
    for said in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 200_000):
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(said)
    time.sleep(0.3)
    assert not any(line.missed for line in made)
