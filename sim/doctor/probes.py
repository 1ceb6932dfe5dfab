"""Questions that could crash or hang whoever asks: `python -m sim.doctor.probes NAME` answers one as JSON.

Each is asked in a process of its own; nothing else imports this module.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, cast

from sim.errors import SimError
from sim.launcher import launched, library_name


def jax_() -> dict[str, Any]:
    """JAX, the devices that a run in this process would see, and how many threads XLA computes with."""
    import jax

    from sim import platform

    launch = launched()
    platform.configure(one_device=launch is not None and launch.size > 1)
    # Large enough for XLA to want its threads.
    jax.jit(lambda x: x @ x)(jax.numpy.ones((512, 512))).block_until_ready()
    return {
        "version": f"{jax.__version__}, jaxlib {metadata.version('jaxlib')}",
        "platform": jax.default_backend(),
        "devices": [f"{d.device_kind} {d.id}" for d in jax.local_devices()],
        "threads": _threads_named("tf_XLA") or None,
    }


def mpi() -> dict[str, Any]:
    """mpi4py and its MPI library, which is loaded but not started."""
    import mpi4py

    mpi4py.rc.initialize = False
    from mpi4py import MPI

    return {
        "version": mpi4py.__version__,
        "library": library_name(MPI),
        "standard": ".".join(map(str, MPI.Get_version())),
        "files": _loaded_libmpi(),
    }


def mpi4jax() -> dict[str, Any]:
    """mpi4jax: one message to itself, and the MPI libraries that it and mpi4py have loaded between them."""
    from sim import platform
    from sim.doctor.exchanges import SMALL
    from sim.doctor.pingpong import ping_pong
    from sim.team import MpiTeam

    platform.configure(one_device=True)
    import mpi4jax
    from mpi4py import MPI

    files = _loaded_libmpi()
    if len(files) > 1:
        raise SimError(f"mpi4jax and mpi4py have loaded two MPI libraries, {' and '.join(files)}")
    ping_pong("mpi", MpiTeam(MPI.COMM_SELF), 1, None, (SMALL,))
    return {"version": mpi4jax.__version__, "files": files}


def h5py() -> dict[str, Any]:
    import h5py

    return {"version": h5py.__version__, "hdf5": h5py.version.hdf5_version, "mpio": bool(h5py.get_config().mpi)}


def world(*modules: str) -> dict[str, Any]:
    """Whether the ranks of a launcher, which import `modules`, find each other."""
    from sim.membership import assembled

    with assembled(None, "mpi") as team:
        for module in modules:
            import_module(module)
        return {"size": team.size}


def exchange(name: str, devices: str, *meeting: str) -> dict[str, Any]:
    """Ping-pong by a transport, on so many devices a process; meeting: coordinator, processes, process."""
    from sim import platform
    from sim.distributed import Rendezvous
    from sim.doctor.exchanges import LARGE, SMALL
    from sim.doctor.pingpong import ping_pong
    from sim.membership import assembled
    from sim.transport_name import Name

    count = int(devices)
    place = Rendezvous(meeting[0], int(meeting[1]), int(meeting[2])) if meeting else None
    with assembled(None, name, place, count) as team:
        platform.configure(count)
        platform.check_devices(count)
        return {"seconds": ping_pong(cast(Name, name), team, team.size * count, count, (SMALL, LARGE))}


def _threads_named(start: str) -> int:
    tasks = Path("/proc/self/task").glob("*/comm")
    return sum(task.read_text().startswith(start) for task in tasks)


def _loaded_libmpi() -> list[str]:
    """The MPI libraries in this process's memory; none where the system doesn't say."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return []
    return sorted(set(re.findall(r"/\S*/libmpi(?:_abi|ch)?\.so\S*", maps.read_text())))


PROBES: dict[str, Callable[..., dict[str, Any]]] = {
    "jax": jax_,
    "mpi": mpi,
    "mpi4jax": mpi4jax,
    "h5py": h5py,
    "world": world,
    "exchange": exchange,
}
_COLLECTIVE = ("world", "exchange")


def main(arguments: list[str]) -> int:
    """Print the answer, last, and return 0; a SimError becomes one message, as in the command line."""
    try:
        answer = PROBES[arguments[0]](*arguments[1:])
    except SimError as error:
        print(f"sim: error: {error}", file=sys.stderr, flush=True)
        return 2
    launch = launched()
    if arguments[0] not in _COLLECTIVE or launch is None or launch.rank == 0:
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
