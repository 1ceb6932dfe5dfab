"""The speed of each transport that works here, between the processes that were started, or two of our own."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from sim.doctor.company import Company
from sim.doctor.launching import alone, on_ranks, why_no_ranks
from sim.doctor.patient import SECONDS_PER_PROBE, Facts, answer_of, ask
from sim.subprocesses import clean_environment, free_port, run_bounded, run_together
from sim.team import MpiTeam, Team

SMALL, LARGE = 256, 4 << 20
"""Bytes of the strips that are timed."""

PPERMUTE, MPI4JAX, GLOO = "xla, ppermute", "mpi4jax", "xla, gloo"


def measure(company: Company, ranks: Sequence[Facts]) -> list[Facts]:
    """One entry a transport: the seconds of both strips, or why it has none.  Collective.

    "follows" is set where that is no news: what it says is wrong elsewhere is to be mended first.
    """
    together = company.team.size > 1
    ppermute = {"transport": PPERMUTE, "between": "2 devices of one process", **_slowest(ranks)}
    mpi = _among_ranks(company.team, ranks) if company.complaint or together else _two_ranks(ranks[0])
    gloo = _among_processes(company.team) if together else _two_processes()
    how_many = company.team.size if together else 2
    return [
        ppermute,
        {"transport": MPI4JAX, "between": f"{how_many} ranks", **mpi},
        {"transport": GLOO, "between": f"{how_many} processes", **gloo},
    ]


def _slowest(ranks: Sequence[Facts]) -> Facts:
    """Each rank has measured its own devices, all at the same time."""
    found: list[Facts] = [rank["ppermute"] for rank in ranks]
    return next((f for f in found if "why" in f), None) or max(found, key=lambda f: float(f["seconds"][-1]))


def _two_ranks(mine: Facts) -> Facts:
    if "why" in mine["mpi4jax"]:
        return {**mine["mpi4jax"], "follows": True}
    if obstacle := why_no_ranks(("mpi4py",)):
        return {"why": obstacle, "follows": True}
    return answer_of(run_bounded(on_ranks(2, "exchange", "mpi", "1"), SECONDS_PER_PROBE))


def _among_ranks(team: Team, ranks: Sequence[Facts]) -> Facts:
    """In this very process, which MPI knows; each rank has tried mpi4jax alone before."""
    if not isinstance(team, MpiTeam):
        return {"why": "the processes did not find each other by MPI", "follows": True}
    broken = [rank["mpi4jax"] for rank in ranks if "why" in rank["mpi4jax"]]
    if broken:
        return {**broken[0], "follows": True}
    from sim import platform
    from sim.doctor.pingpong import ping_pong

    platform.configure(one_device=True)
    return {"seconds": ping_pong("mpi", team, team.size, None, (SMALL, LARGE))}


def _two_processes() -> Facts:
    meeting = [f"127.0.0.1:{free_port()}", "2"]
    commands = [alone("exchange", "xla", "1", *meeting, str(process)) for process in range(2)]
    answers = [answer_of(finished) for finished in run_together(commands, SECONDS_PER_PROBE, _on_cpu())]
    return next((answer for answer in answers if "why" in answer), answers[0])


def _among_processes(team: Team) -> Facts:
    """A child of each process, so that nothing of it is left here."""
    hosts = team.gather(socket.gethostname())
    host = "127.0.0.1" if len(set(hosts)) == 1 else hosts[0]
    meeting = (f"{host}:{team.broadcast(free_port())}", str(team.size), str(team.rank))
    answers = team.gather(ask("exchange", "xla", "1", *meeting, environment=_on_cpu()))
    return next((answer for answer in answers if "why" in answer), answers[0])


def _on_cpu() -> dict[str, str]:
    """Gloo connects CPUs; accelerators have means of their own."""
    return {**clean_environment(), "JAX_PLATFORMS": "cpu"}
