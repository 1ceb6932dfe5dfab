"""`python -m sim doctor`: what is installed, whether it fits together, and how fast blocks reach each other."""

from __future__ import annotations

import sys

EXIT_BROKEN = 1


def doctor(as_json: bool = False) -> int:
    """Examine this process, or all ranks of a launcher together, and print what was found, from rank 0.

    Returns the exit status, the same on all ranks that find each other: 1 where something doesn't work that is
    installed, or was asked for by starting several processes; 0 where all is well or merely something optional is
    not installed.
    """
    from sim.doctor import report
    from sim.doctor.company import gathered
    from sim.doctor.diagnosis import all_well, diagnose
    from sim.doctor.exchanges import measure
    from sim.doctor.patient import examine

    if sys.stderr.isatty():
        print("examining; this takes some ten seconds", file=sys.stderr, flush=True)
    mine = examine()
    with gathered(mine) as company:
        if company.has_lost_me:
            # With success: some launchers would end the one that speaks because of us.
            return 0
        team = company.team
        ranks = team.gather(mine)
        speeds = measure(company, ranks)
        code = 0
        if company.speaks:
            findings = diagnose(company, ranks, speeds)
            show = report.print_json if as_json else report.print_tables
            show(company, findings, ranks, speeds)
            code = 0 if all_well(findings) else EXIT_BROKEN
        return int(team.broadcast(code))
