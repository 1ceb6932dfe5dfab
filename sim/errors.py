"""Errors that are the user's to mend."""

from __future__ import annotations


class SimError(Exception):
    """A message for the user: the fact, the value, the remedy.  Shown once, without a traceback."""
