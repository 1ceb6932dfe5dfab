"""More for sbatch than a job asks itself: read, and refused where it would undo what the job is sure of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sim.errors import SimError

_OPTION = re.compile(r"--([a-z][a-z-]*)(?:=(.+))?", re.ASCII)
# That which chain.sbatch waits for, sent to its shell alone.
_NOTICE = re.compile(r"B:USR1@[1-9]\d*", re.ASCII)
_RANKS = "--nodes and --ranks-per-node"
# By what of `sim submit` these are said, for which the case is checked.
_OURS = {
    "nodes": "--nodes",
    "ntasks": _RANKS,
    "ntasks-per-node": _RANKS,
    "tasks-per-node": _RANKS,
    "ntasks-per-core": _RANKS,
    "ntasks-per-socket": _RANKS,
    "ntasks-per-gpu": _RANKS,
    "gpus": "--gpus",
    "gpus-per-node": "--gpus",
    "gpus-per-task": "--gpus",
    "gpus-per-socket": "--gpus",
    "time": "--time",
}
_KIND = "of a kind: --gpus 2 --sbatch=--gpus-per-node=KIND:2"


def read(options: Sequence[str]) -> dict[str, str | None]:
    """Long options by name, None for one without a value.  Raises SimError for what is none."""
    matches = [(option, _OPTION.fullmatch(option)) for option in options]
    for option, match in matches:
        if match is None:
            raise SimError(f"--sbatch takes one of sbatch's long options, such as --sbatch=--qos=debug; got {option!r}")
    return {match[1]: match[2] for _, match in matches if match is not None}


def check(asked: Mapping[str, str | None], gpus: int | None, chain: bool) -> None:
    """Raise SimError for options, shortened or not, that would give the job another size, or end its chain."""
    for name, value in asked.items():
        # The kind of the GPUs may be told so, by who tells as many.
        if not (name == "gpus-per-node" and gpus is not None and re.fullmatch(rf"[^:,]+:{gpus}", value or "")):
            _check_size(name, value)
        if chain:
            _check_link(name, value)


def _check_size(name: str, value: str | None) -> None:
    shown = f"--{name}" if value is None else f"--{name}={value}"
    ours = "--gpus" if name == "gres" and "gpu" in (value or "") else _meant(name, _OURS)
    if ours is not None:
        more = f" ({_KIND})" if ours == "--gpus" else ""
        raise SimError(f"--sbatch={shown} would give the job another size than is checked; give {ours}{more} instead")


def _check_link(name: str, value: str | None) -> None:
    if _meant(name, {"no-requeue": True}):
        raise SimError(f"--sbatch=--{name} would end the chain with its first job; leave it or --chain out")
    if _meant(name, {"signal": True}) and not (name == "signal" and _NOTICE.fullmatch(value or "")):
        raise SimError(
            f"--chain waits for USR1, sent to the batch shell alone: --sbatch=--signal=B:USR1@SECONDS; got {value}"
        )


def _meant(name: str, known: Mapping[str, str | bool]) -> str | bool | None:
    """What is known of an option; sbatch understands one by its beginning too."""
    return known.get(name) or next((found for full, found in known.items() if full.startswith(name)), None)
