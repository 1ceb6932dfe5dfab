"""What transports are called, and how many ranks each is for."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from sim.errors import SimError

Name: TypeAlias = Literal["auto", "serial", "xla", "mpi", "hybrid", "virtual", "auto-sharded"]
NAMES: tuple[str, ...] = get_args(Name)

_ONE_PROCESS = ("serial", "virtual", "auto-sharded")


def check_ranks(name: str, ranks: int, auto: str = "--transport auto") -> None:
    """Raise SimError where this transport is not for so many; auto: how the command has another one chosen."""
    if name in _ONE_PROCESS and ranks > 1:
        raise SimError(
            f"the transport {name} works in one process, and this is for {ranks} ranks; {auto}, or take one rank"
        )
