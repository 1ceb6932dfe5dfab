"""Those who compute the same: each a program of its own, `python -m sim.bench.contestants.NAME WORK`.

WORK is JSON, the fields of `Work`; what comes back is JSON too: seconds for all steps, once warm, and the error.
"""
