"""jax.distributed: many processes that XLA connects, with or without MPI."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax

from sim import spoken
from sim.errors import SimError
from sim.lifeline import Lifeline
from sim.subprocesses import free_port, run_bounded
from sim.team import MpiTeam

_HEARTBEAT_SECONDS = 20  # how long a rank may be gone before the others are told to end
_NEVER_SECONDS = 24 * 3600  # who is gone our own connections tell, who stands still the watchdog
_CONNECT_SECONDS = 120
_XLA_IS_LATER_BY = 60
_EXIT_USER_ERROR = 2
_EXIT_LOST = 3
_ANSWER_MILLISECONDS = 24 * 3600 * 1000  # a team member may compute for a long time between two questions


@dataclass(frozen=True)
class Rendezvous:
    """Where the processes of a run meet: process `process` of `processes`, at the coordinator's host:port."""

    coordinator: str
    processes: int
    process: int

    def __post_init__(self) -> None:
        place = re.fullmatch(r"[^:\s]+:(\d{1,5})", self.coordinator) if isinstance(self.coordinator, str) else None
        if place is None or not 0 < int(place[1]) < 1 << 16:
            raise SimError(
                f"--coordinator is host:port, such as node001:61000, with a port from 1 to 65535; "
                f"got {self.coordinator!r}"
            )
        are_counts = isinstance(self.process, int) and isinstance(self.processes, int)
        if not are_counts or not 0 <= self.process < self.processes:
            raise SimError(
                f"--process counts from 0 to --processes - 1; got process {self.process!r} of {self.processes!r}"
            )


def from_slurm(environment: Mapping[str, str] = os.environ) -> Rendezvous:
    """The rendezvous of a job step: its first node, and a port that follows from the job's and step's numbers."""
    nodes = environment.get("SLURM_STEP_NODELIST") or environment["SLURM_NODELIST"]
    first = _first_node(nodes)
    number = int(environment["SLURM_JOB_ID"]) * 7 + int(environment.get("SLURM_STEP_ID", "0"))
    size = environment.get("SLURM_STEP_NUM_TASKS") or environment["SLURM_NTASKS"]
    return Rendezvous(f"{first}:{61000 + number % 4000}", int(size), int(environment["SLURM_PROCID"]))


def _first_node(nodes: str) -> str:
    """Of a list as SLURM writes it: node[01-04,07]."""
    if not re.search(r"[\[,]", nodes):
        return nodes
    listed = run_bounded(["scontrol", "show", "hostnames", nodes], timeout=30, env=os.environ)
    if listed.returncode != 0 or not listed.stdout.split():
        raise SimError(
            f"the first node of {nodes} can't be found: scontrol: {listed.complaint()}; "
            f"say where to meet: --coordinator host:port --processes N --process $SLURM_PROCID"
        )
    return listed.stdout.split()[0]


def from_mpi(team: MpiTeam) -> Rendezvous:
    """Rank 0 finds a free port and tells the others.  Collective."""
    hosts = team.gather(socket.gethostname())
    host = "127.0.0.1" if len(set(hosts)) == 1 else hosts[0]
    port = team.broadcast(free_port() if team.rank == 0 else None)
    return Rendezvous(f"{host}:{port}", team.size, team.rank)


def connect(rendezvous: Rendezvous, devices: int | None, lifeline: Lifeline | None = None) -> None:
    """Join the other processes, by a lifeline where no launcher ends those that one of them has left.

    Before JAX's backend starts; once a process.
    Everything is passed explicitly: JAX's own detection reads variables that not every launcher sets.
    """
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    # It would take SIGTERM for itself, and then nothing ends by it.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        with _patience(rendezvous):
            jax.distributed.initialize(
                lifeline.address if lifeline else rendezvous.coordinator,
                coordinator_bind_address=lifeline.address if lifeline and rendezvous.process == 0 else None,
                num_processes=rendezvous.processes,
                process_id=rendezvous.process,
                local_device_ids=None if devices is None else list(range(devices)),
                initialization_timeout=_CONNECT_SECONDS + _XLA_IS_LATER_BY,
                heartbeat_timeout_seconds=_NEVER_SECONDS if lifeline else _HEARTBEAT_SECONDS,
            )
    except RuntimeError as error:
        raise SimError(
            f"process {rendezvous.process} of {rendezvous.processes} can't join the others at "
            f"{rendezvous.coordinator}: {error}"
        ) from None


@contextmanager
def _patience(rendezvous: Rendezvous) -> Iterator[None]:
    """Ends this process where the others don't come: XLA would end it with a trace of its stack, and can't be stopped
    from waiting."""

    def give_up() -> None:
        print(
            f"sim: error: process {rendezvous.process} of {rendezvous.processes} has waited {_CONNECT_SECONDS} s for "
            f"the others at {rendezvous.coordinator}; start each of them once, with a --process of its own, number 0 "
            f"on that host, and let the hosts reach each other by TCP",
            file=sys.stderr,
        )
        spoken.flush()
        os._exit(_EXIT_USER_ERROR)

    timer = threading.Timer(_CONNECT_SECONDS, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def is_connected() -> bool:
    return jax.distributed.is_initialized()


def processes() -> int:
    """How many are connected."""
    return jax.process_count()


class JaxTeam:
    """The processes of jax.distributed, without MPI; values travel as JSON through the coordinator.

    Where one is gone each of the others says so, and is ended by `end`.
    """

    def __init__(self, rendezvous: Rendezvous, devices: int | None, end: Callable[[int], None]) -> None:
        from jax._src import distributed

        self.rank = rendezvous.process
        self.size = rendezvous.processes
        self._end = end
        self._way_on = "start all of them again"
        self._lifeline = Lifeline(rendezvous.coordinator, rendezvous.process, self._miss)
        connect(rendezvous, devices, self._lifeline)
        self._client: Any = distributed.global_state.client
        self._questions = 0

    def gather(self, value: Any) -> list[Any]:
        question, self._questions = self._questions, self._questions + 1
        self._client.key_value_set(self._key(question, self.rank), json.dumps(value))
        answers = [
            json.loads(self._client.blocking_key_value_get(self._key(question, rank), _ANSWER_MILLISECONDS))
            for rank in range(self.size)
        ]
        # Whoever answers this question has read all answers to the one before.
        if question > 0:
            self._client.key_value_delete(self._key(question - 1, self.rank))
        return answers

    def broadcast(self, value: Any) -> Any:
        return self.gather(value if self.rank == 0 else None)[0]

    def barrier(self) -> None:
        self.gather(None)

    def all_fail(self, seconds: float) -> bool:
        try:
            self._client.wait_at_barrier("halostep/failing", int(seconds * 1000))
        except jax.errors.JaxRuntimeError:
            return False
        return True

    def remember(self, way_on: str) -> None:
        self._way_on = way_on

    def disband(self) -> None:
        self._lifeline.release()
        self.barrier()
        jax.distributed.shutdown()
        self._lifeline.close()

    def _miss(self, process: int) -> None:
        print(
            f"sim: error: process {process} of {self.size} is gone, so that process {self.rank} can't go on; "
            f"see what that one said last, and {self._way_on}",
            file=sys.stderr,
        )
        spoken.flush()
        self._end(_EXIT_LOST)
        os._exit(_EXIT_LOST)

    @staticmethod
    def _key(question: int, rank: int) -> str:
        return f"halostep/{question}/{rank}"
