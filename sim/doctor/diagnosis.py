"""From facts to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from sim import machine
from sim.doctor.company import Company
from sim.doctor.finding import Finding
from sim.doctor.launching import mpirun_version, why_not_together
from sim.doctor.patient import Facts
from sim.subprocesses import find_mpirun, why_no_mpirun

_REBUILD = (
    "build mpi4jax with this MPI's mpicc on PATH: "
    "pip install --force-reinstall --no-deps --no-cache-dir --no-build-isolation mpi4jax"
)
_REMEDIES = {
    "JAX": "pip install --force-reinstall jax jaxlib; python -c 'import jax; jax.devices()' shows all it says",
    "h5py": "pip install --force-reinstall h5py, against the HDF5 that your modules load, or without them",
    "MPI library": "pip install mpich, or, with your cluster's MPI loaded, SIM_MPI=system bash scripts/bootstrap.sh",
    "mpi4jax": _REBUILD,
    "launcher": "use the mpirun beside this python (source .venv/bin/activate)",
    "xla, ppermute": "ask for one device a process, and look at XLA_FLAGS",
    "xla, gloo": "let the hosts reach each other by TCP (firewall, host names), or use mpi",
}


def diagnose(company: Company, ranks: Sequence[Facts], exchanges: Sequence[Facts]) -> list[Finding]:
    """All findings, of what the transports are made of first."""
    miscounted = list(threads(ranks))
    # Who can't count their threads may fail for that alone.
    failed = [] if miscounted else [e for e in exchanges if "why" in e and "follows" not in e]
    return [
        _same("JAX", [rank["jax"] for rank in ranks], lambda f: f"{f['version']}, on {f['platform']}"),
        _same("h5py", [rank["h5py"] for rank in ranks], _h5py),
        _same("MPI library", [rank["mpi"] for rank in ranks], _mpi),
        _same("mpi4jax", [rank["mpi4jax"] for rank in ranks], _mpi4jax),
        launcher(company, ranks),
        *binding(ranks),
        *miscounted,
        *(_refused(e["transport"], e) for e in failed),
    ]


def all_well(findings: Sequence[Finding]) -> bool:
    return all(finding.state != "broken" for finding in findings)


def launcher(company: Company, ranks: Sequence[Facts]) -> Finding:
    """Whether the launcher that started us, or the one that would, belongs to the MPI library."""
    if company.complaint:
        # Without MPI processes that jax.distributed connects have what --transport xla needs.
        optional = company.team.size > 1 and "missing" in ranks[0]["mpi"]
        return _refused("launcher", {"why": company.complaint, **({"missing": True} if optional else {})})
    if company.launch is not None and company.team.size > 1:
        hosts = len({rank["host"] for rank in ranks})
        where = f"{company.team.size} ranks on {hosts} host{'s' * (hosts > 1)}"
        return Finding("launcher", "ok", f"{company.launch.launcher}: {where}, which see each other")
    if obstacle := why_no_mpirun(("mpi4py",)):
        return _refused("launcher", {"why": obstacle, "missing": True})
    mpirun = find_mpirun() or "mpirun"
    if obstacle := why_not_together(("mpi4py",)):
        return _refused("launcher", {"why": f"{mpirun}: {obstacle}"})
    return Finding("launcher", "ok", f"{mpirun} ({mpirun_version(mpirun)}): two ranks found each other")


def binding(ranks: Sequence[Facts]) -> Iterator[Finding]:
    """Whether the ranks of each host have CPUs of their own."""
    by_host = sorted(ranks, key=lambda rank: str(rank["host"]))
    for host, group in groupby(by_host, key=lambda rank: rank["host"]):
        sets = [set(rank["cpus"]) for rank in group]
        together: set[int] = set().union(*sets)
        if len(sets) == 1 or not together:
            continue
        if len(together) < len(sets):
            fact = f"{len(sets)} ranks share {len(together)} CPUs of {host}: each waits for the others"
            yield Finding("binding", "note", fact, "start fewer ranks a host, or ask for more CPUs")
        elif len(together) < sum(map(len, sets)):
            remedy = "mpirun -bind-to core (Open MPI: --bind-to core; srun: --cpu-bind=cores)"
            yield Finding("binding", "note", f"ranks on {host} are free to use each other's CPUs", remedy)
        else:
            yield Finding("binding", "ok", f"each rank on {host} has CPUs of its own")


def threads(ranks: Sequence[Facts]) -> Iterator[Finding]:
    """Whether the variable by which XLA counts its threads, where it is set, is a number that it can start."""
    given = {rank["settings"].get("NPROC", "1") for rank in ranks}
    wrong = sorted(value for value in given if not machine.is_count_of_threads(value))
    if wrong:
        fact = f"NPROC={' and NPROC='.join(wrong)} is no count of threads: XLA starts one a core, or fails"
        yield Finding("NPROC", "broken", fact, f"unset NPROC, or give it a number from 1 to {machine.MOST_THREADS}")


def _same(what: str, answers: Sequence[Facts], describe: Callable[[Facts], str]) -> Finding:
    """One finding for what all ranks should have alike."""
    refused = next((answer for answer in answers if "why" in answer), None)
    if refused is not None:
        return _refused(what, refused)
    described = [describe(answer) for answer in answers]
    if len(set(described)) > 1:
        each = "; ".join(f"rank {rank}: {text}" for rank, text in enumerate(described))
        return Finding(what, "broken", f"the ranks differ: {each}", "give all nodes the same environment")
    return Finding(what, "ok", described[0])


def _refused(what: str, answer: Facts) -> Finding:
    fact, _, remedy = str(answer["why"]).partition("; ")
    return Finding(what, "missing" if "missing" in answer else "broken", fact, remedy or _REMEDIES.get(what, _REBUILD))


def _mpi(facts: Facts) -> str:
    files = f", {', '.join(facts['files'])}" if facts["files"] else ""
    return f"{facts['library']}, MPI {facts['standard']}, mpi4py {facts['version']}{files}"


def _mpi4jax(facts: Facts) -> str:
    shared = ", built against the same MPI" if facts["files"] else ""
    return f"{facts['version']}{shared}; a message to itself arrived"


def _h5py(facts: Facts) -> str:
    how = "with mpio" if facts["mpio"] else "without mpio: ranks write their blocks by MPI-IO"
    return f"{facts['version']}, HDF5 {facts['hdf5']}, {how}"
