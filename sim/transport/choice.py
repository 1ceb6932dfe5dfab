"""The one place that chooses how blocks reach each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import jax

from sim.errors import SimError
from sim.team import MpiTeam, Team
from sim.topology import Ghosts, Topology, axis_names, choose_topology
from sim.transport.collectives import Halo, NamedAxes
from sim.transport.members import Together
from sim.transport.protocol import Transport
from sim.transport.single import OneBlock
from sim.transport.spread import Spread
from sim.transport.virtual import Stacked
from sim.transport.xla import over_all_devices
from sim.transport_name import Name, check_ranks
from solvers.exchange import Alone

Arrangement: TypeAlias = Literal["auto", "spread", "together"]


@dataclass(frozen=True)
class Wish:
    """What the user asked for; None leaves it to us."""

    transport: Name = "auto"
    devices: int | None = None
    blocks: int | None = None
    process_grid: tuple[int, ...] | None = None
    halo: Halo = "ppermute"
    members: int | None = None
    members_at_once: bool | None = None
    arrangement: Arrangement = "auto"


def resolve(wish: Wish, team: Team) -> Name:
    """What "auto" means here, and whether the wish can work at all.  Raises SimError where it can't.

    Asked before JAX is: several ranks mean mpi, several devices, or processes that XLA connects, xla.
    """
    name, devices = wish.transport, wish.devices
    several = devices is not None and devices > 1
    if name == "auto":
        if team.size > 1 and isinstance(team, MpiTeam):
            name = "hybrid" if several else "mpi"
        elif team.size > 1:
            name = "xla"
        else:
            name = "xla" if several or (devices is None and jax.local_device_count() > 1) else "serial"
    check_ranks(name, team.size)
    if name in ("mpi", "hybrid") and not isinstance(team, MpiTeam):
        raise SimError(
            f"--transport {name} needs MPI; start it with mpirun, and install the extra: pip install '.[mpi]'"
        )
    if name in ("mpi", "hybrid"):
        _check_mpi4jax(name)
    if name in ("serial", "mpi") and several:
        raise SimError(f"--transport {name} uses one device a process, not {devices}; use xla or hybrid for more")
    if wish.blocks is not None and name != "virtual":
        raise SimError(f"--blocks is for --transport virtual, and this is {name}; use --devices or more ranks")
    return name


def _check_mpi4jax(name: Name) -> None:
    try:
        import mpi4jax  # noqa: F401 (whether it can be)
    except (ImportError, RuntimeError) as error:
        is_missing = isinstance(error, ModuleNotFoundError)
        remedy = "install it with: pip install '.[mpi]'" if is_missing else "`python -m sim doctor` says how to mend it"
        raise SimError(
            f"--transport {name} needs mpi4jax, and importing it says: {error}; {remedy}, or use --transport xla"
        ) from None


def choose_transport(
    name: Name, wish: Wish, team: Team, shape: Sequence[int], ghosts: Ghosts, unit: int = 1
) -> Transport:
    """The transport `name`, resolved, over all ranks of the team and all of their devices.

    Blocks are cut at multiples of `unit` cells.

    Raises SimError, on all ranks alike, where grid, ranks and devices do not fit.
    """
    if wish.members is None:
        return _MAKERS[name](wish, team, shape, ghosts, unit)
    by_vmap = jax.default_backend() != "cpu" if wish.members_at_once is None else wish.members_at_once
    _check_arrangement(name, wish)
    devices, ranks = _places(name, wish, team)
    if spreads(wish.members, len(devices) * ranks, wish.arrangement, wish.process_grid):
        return Spread(f"{name}, members spread", shape, team, devices, ranks, ghosts, wish.members, by_vmap)
    return Together(_MAKERS[name](wish, team, shape, ghosts, unit), by_vmap)


def _places(name: Name, wish: Wish, team: Team) -> tuple[Sequence[jax.Device], int]:
    """The devices that XLA connects, and how many ranks have as many."""
    if name == "xla":
        return _xla_devices(wish), 1
    count = wish.devices if name == "hybrid" else 1
    return jax.local_devices()[:count], team.size


def _check_arrangement(name: Name, wish: Wish) -> None:
    if wish.arrangement == "spread" and name in ("virtual", "auto-sharded"):
        raise SimError(f'parallel.members = "spread" is for mpi, xla and hybrid, and this is {name}; leave it out')


def spreads(
    members: int, places: int, arrangement: Arrangement = "auto", process_grid: tuple[int, ...] | None = None
) -> bool:
    """Whether so many members have one of several places each: where there are enough, they need no exchange then."""
    wanted = arrangement == "spread" or (arrangement == "auto" and members >= places and process_grid is None)
    return places > 1 and wanted


def _serial(wish: Wish, team: Team, shape: Sequence[int], ghosts: Ghosts, unit: int) -> Transport:
    topology = choose_topology(shape, 1, ghosts.shared, wish.process_grid, unit)
    return OneBlock("serial", topology, team, 0, ghosts, Alone())


def _mpi(wish: Wish, team: Team, shape: Sequence[int], ghosts: Ghosts, unit: int) -> Transport:
    from sim.transport.mpi import MpiExchange

    assert isinstance(team, MpiTeam)
    topology = choose_topology(shape, team.size, ghosts.shared, wish.process_grid, unit)
    return OneBlock("mpi", topology, team, team.rank, ghosts, MpiExchange(topology, team.halo_comm))


def _xla(wish: Wish, team: Team, shape: Sequence[int], ghosts: Ghosts, unit: int) -> Transport:
    devices = _xla_devices(wish)
    topology = choose_topology(shape, len(devices), ghosts.shared, wish.process_grid, unit)
    return over_all_devices(topology, team, devices, ghosts, _named(topology, wish.halo))


def _xla_devices(wish: Wish) -> Sequence[jax.Device]:
    return jax.devices() if jax.process_count() > 1 else jax.local_devices()[: wish.devices]


def _hybrid(wish: Wish, team: Team, shape: Sequence[int], ghosts: Ghosts, unit: int) -> Transport:
    from sim.transport.hybrid import over_ranks_and_devices

    assert isinstance(team, MpiTeam)
    devices = jax.local_devices()[: wish.devices]
    topology = choose_topology(shape, team.size * len(devices), ghosts.shared, wish.process_grid, unit)
    return over_ranks_and_devices(topology, team, devices, ghosts, wish.halo)


def _virtual(wish: Wish, team: Team, shape: Sequence[int], ghosts: Ghosts, unit: int) -> Transport:
    count = wish.blocks or (math.prod(wish.process_grid) if wish.process_grid else 4)
    topology = choose_topology(shape, count, ghosts.shared, wish.process_grid, unit)
    return Stacked("virtual", topology, team, ghosts, _named(topology, wish.halo), jax.local_devices()[:1])


def _auto_sharded(wish: Wish, team: Team, shape: Sequence[int], ghosts: Ghosts, unit: int) -> Transport:
    devices = jax.local_devices()[: wish.devices]
    topology = choose_topology(shape, len(devices), ghosts.shared, wish.process_grid, unit)
    return Stacked("auto-sharded", topology, team, ghosts, _named(topology, wish.halo), devices)


def _named(topology: Topology, halo: Halo) -> NamedAxes:
    return NamedAxes(axis_names(len(topology.shape)), topology.blocks, halo)


_MAKERS: dict[str, Callable[[Wish, Team, Sequence[int], Ghosts, int], Transport]] = {
    "serial": _serial,
    "mpi": _mpi,
    "xla": _xla,
    "hybrid": _hybrid,
    "virtual": _virtual,
    "auto-sharded": _auto_sharded,
}
