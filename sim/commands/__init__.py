"""The commands of the command line, one a file: `add` says what it takes, and names the function that does it."""

from sim.commands import bench, cases, doctor, run, verify

COMMANDS = (run, cases, verify, doctor, bench)
