"""The commands of the command line, one a file: `add` says what it takes, and names the function that does it."""

from sim.commands import bench, cases, compare, doctor, info, plan, plot, report, run, verify, watch

COMMANDS = (run, info, watch, plot, report, compare, cases, verify, doctor, bench, plan)
