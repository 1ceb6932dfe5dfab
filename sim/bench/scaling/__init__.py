"""`python -m sim bench --scaling`: more ranks on the same grid, and on one that grows with them; what `plan` needs."""

from __future__ import annotations

from pathlib import Path

_ROUNDS = 3


def scaling(quick: bool = False, as_json: bool = False, machine_file: Path | None = None) -> int:
    """Measure, print, and save the machine's file for `sim plan`.  Returns the exit status.

    Raises SimError where a launcher started it, ranks can't be had, a run fails, or the file can't be written.
    """
    from rich.console import Console

    from sim import measured
    from sim.bench import EXIT_WRONG
    from sim.bench.measuring import run_in_turn
    from sim.bench.scaling import report
    from sim.bench.scaling.campaign import campaign, ranks_at_hand
    from sim.bench.scaling.described import described
    from sim.bench.scaling.link import measure_link
    from sim.errors import SimError
    from sim.launcher import refuse_launchers
    from sim.machine import cores
    from sim.output.target import check_target
    from sim.subprocesses import why_no_mpirun

    refuse_launchers("bench --scaling")
    if cores() == 1:
        raise SimError("bench --scaling needs two cores at least, and this process may use one")
    if obstacle := why_no_mpirun():
        raise SimError(f"bench --scaling starts ranks: {obstacle}")
    path = machine_file or measured.default_path()
    if path is None:
        raise SimError("there is no directory to keep the machine's file in (SIM_CACHE); use --machine FILE")
    if machine_file is not None:
        check_target(machine_file, remedy="use another --machine FILE")
    runs = campaign(ranks_at_hand(cores()), quick)
    with Console(stderr=True).status("") as status:
        status.update("messages of several sizes")
        times = measure_link(cores())
        run_in_turn(runs.entries, _ROUNDS, status.update)
    for run in runs.entries:
        if run.why:
            raise SimError(f"{run.contestant.name} on {run.work.name} {run.why}")
    found = described(runs, times)
    measured.save(found, path)
    show = report.print_json if as_json else report.print_tables
    show(runs, times, found, path)
    return 0 if all(run.right for run in runs.entries) else EXIT_WRONG
