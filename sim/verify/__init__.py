"""`python -m sim verify --transports`: one case by every transport, each a program of its own, the fields compared."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from sim.doctor.launching import why_no_ranks
from sim.launcher import refuse_launchers
from sim.verify import report
from sim.verify.outcome import Outcome, all_equal, judged
from sim.verify.running import run_way
from sim.verify.subject import Subject, own_subject, users_subject
from sim.verify.ways import WAYS

EXIT_UNEQUAL = 1


def verify(case: str | None = None, as_json: bool = False) -> int:
    """Run a case, by default a small one, by every transport that works here; print what came of it.

    Returns the exit status: 0 where serial ran, nothing failed, and all final fields are the same to the bit.
    A transport that can't be had here is listed with the reason and the remedy, and is no failure.
    Raises SimError where it is itself started by a launcher, or the case can't serve.
    """
    title, outcomes = compared(case)
    show = report.print_json if as_json else report.print_table
    show(title, outcomes)
    return 0 if all_equal(outcomes) else EXIT_UNEQUAL


def compared(case: str | None = None) -> tuple[str, list[Outcome]]:
    """What the case is, and what came of it by every transport.  Raises SimError as `verify` does."""
    refuse_launchers("verify")
    with TemporaryDirectory(prefix="sim-verify-") as folder:
        subject = own_subject(Path(folder)) if case is None else users_subject(case)
        return subject.title, judged(list(_run_all(subject, Path(folder))))


def _run_all(subject: Subject, folder: Path) -> Iterator[Outcome]:
    why_not = cache(why_no_ranks)
    # A terminal is told what is being waited for.
    with Console(stderr=True).status("") as status:
        for number, way in enumerate(WAYS):
            status.update(f"{way.name}, {way.ranks} × {way.devices}")
            yield run_way(way, subject, folder / f"run-{number}", why_not)
