"""`sim ARGUMENTS`, of which one rank is told to stop while its case is made ready: told.py RANK ARGUMENTS"""

import os
import signal
import sys
from typing import Any

from sim import cli, driver

make_ready = driver.make_ready
told = int(sys.argv.pop(1))


def make_ready_and_be_told(team: Any, *arguments: Any) -> Any:
    if team.rank == told:
        os.kill(os.getpid(), signal.SIGUSR1)
    return make_ready(team, *arguments)


driver.make_ready = make_ready_and_be_told
cli.entry()
