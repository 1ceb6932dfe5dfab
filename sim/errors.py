"""Errors that are the user's to mend."""

from __future__ import annotations


class SimError(Exception):
    """A message for the user: the fact, the value, the remedy.  Shown once, without a traceback."""


class Stopped(SimError):  # noqa: N818 (nothing went wrong)
    """The run was told to stop before its end; it is checkpointed, and `sim.resume` goes on with it."""
