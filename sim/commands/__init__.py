"""The commands of the command line, one a file: `add` says what it takes, and names the function that does it."""

from sim.commands import (
    bench,
    cases,
    compare,
    doctor,
    info,
    launcher,
    merge,
    plan,
    plot,
    report,
    resume,
    run,
    submit,
    verify,
    watch,
)

COMMANDS = (
    *(run, resume, plan, submit, launcher),
    *(info, watch, plot, report, compare, merge),
    *(cases, verify, doctor, bench),
)
