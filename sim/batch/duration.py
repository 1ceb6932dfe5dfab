"""How long a job may take: SLURM's formats, and when before the end it is told."""

from __future__ import annotations

import re

from sim.errors import SimError

# minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes, days-hours:minutes:seconds
_TIME = re.compile(r"(?:(?P<days>\d+)-)?(?P<first>\d+)(?::(?P<second>\d\d))?(?::(?P<third>\d\d))?", re.ASCII)
# That of chain.sbatch, in seconds.
_NOTICE = 180
# By so much it may come too early; and so much of work is the least that a link of a chain is for.
_EARLY, _LEAST = 60, 60
# So long a job must be for the third of it that is kept then.
_SHORTEST = 3 * (_EARLY + _LEAST) // 2


def seconds_of(time: str) -> int:
    """Raises SimError where SLURM would not understand it, or take it for no limit at all."""
    match = _TIME.fullmatch(time)
    if match is None:
        raise SimError(f"--time is minutes, hours:minutes:seconds or days-hours:minutes:seconds; got {time!r}")
    parts = [int(match[name]) for name in ("first", "second", "third") if match[name]]
    if match["days"]:
        hours, minutes, seconds = [24 * int(match["days"]) + parts[0], *parts[1:], 0, 0][:3]
    elif len(parts) == 3:
        hours, minutes, seconds = parts
    else:
        hours, (minutes, seconds) = 0, [*parts, 0][:2]
    if (whole := 3600 * hours + 60 * minutes + seconds) == 0:
        raise SimError(f"--time {time} is no limit at all to SLURM; give what the job may take at most, such as 30:00")
    return whole


def notice_of(time: str, signal: str | None) -> int:
    """Seconds before its end when a link of a chain is told to stop: as asked for (`signal`: B:USR1@SECONDS), else
    three minutes, at most a third of its time.  Raises SimError where that leaves it none."""
    whole = seconds_of(time)
    notice = min(_NOTICE, whole // 3)
    if signal is not None:
        notice = int(signal.rpartition("@")[2])
    if (least := notice + _EARLY + _LEAST) > whole:
        enough = least if signal is not None else _SHORTEST
        raise SimError(
            f"--chain stops each job {notice} s before its --time {time} is up, or up to {_EARLY} s earlier, which "
            f"leaves the run less than {_LEAST} s; give --time {-(-enough // 60)} or more (minutes)"
        )
    return notice
