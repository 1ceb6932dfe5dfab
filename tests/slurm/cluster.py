"""A SLURM of two nodes on the loopback: munged, slurmctld and two slurmd in a directory of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sim.subprocesses import Finished, clean_environment, free_port, run_bounded
from tests import families

# Addresses of the loopback, so that the nodes' names can be looked up anywhere.
NODES = ("127.0.0.2", "127.0.0.3")
_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "scancel", "sinfo", "squeue")
FINAL = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")
_SBIN = "/usr/sbin:/sbin"

_CONFIGURATION = """\
ClusterName=halostep
SlurmctldHost=localhost
SlurmctldPort={controller}
# MPI's shared memory is named by job and step, and another such cluster may be at work on this machine.
FirstJobId={first_job}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A requeued job waits until its credential has expired.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
MailProg=/bin/true
# Without cgroups and systemd.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
# More CPUs and memory than the machine may have.
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1
KillWait=5
ReturnToService=2
GresTypes=gpu
NodeName={first} NodeHostname=localhost Port={first_port} CPUs=8 RealMemory=8000 Gres=gpu:2
NodeName={second} NodeHostname=localhost Port={second_port} CPUs=8 RealMemory=8000 Gres=gpu:2
PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP
"""


def why_no_slurm() -> str | None:
    """Why a SLURM can't be started here, and the remedy; None where it can."""
    missing = [name for name in _PROGRAMS if shutil.which(name, path=_path()) is None]
    if missing:
        return f"no SLURM to test with ({missing[0]}); Debian: apt-get install slurm-wlm munge"
    if os.geteuid() != 0:
        return "a SLURM to test with is started as root"
    return None


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:{_SBIN}"


@dataclass
class Cluster:
    """A running SLURM; its commands are run with `command`, its daemons ended with `stop`."""

    folder: Path
    _daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """Of a user of this cluster, and of no other."""
        ours = clean_environment()
        ours = {name: value for name, value in ours.items() if not re.match("SBATCH_|SRUN_|SCANCEL_|SQUEUE_", name)}
        return {**ours, "PATH": _path(), "SLURM_CONF": str(self.folder / "slurm.conf")}

    def start(self) -> None:
        self._configure()
        in_folder = {option: self.folder / name for option, name in _MUNGED.items()}
        self._daemon("munged", "--foreground", *(f"--{option}={path}" for option, path in in_folder.items()))
        wait_until(lambda: (self.folder / "munge.socket").exists(), 20, self.logs)
        self._daemon("slurmctld", "-D")
        for node in NODES:
            self._daemon("slurmd", "-D", "-N", node)
        wait_until(self._is_idle, 60, self.logs)

    def _configure(self) -> None:
        key = self.folder / "munge.key"
        key.touch(mode=0o400)
        key.write_bytes(os.urandom(1024))
        for name in ("state", *(f"spool-{node}" for node in NODES)):
            (self.folder / name).mkdir()
        ports: set[int] = set()
        while len(ports) < 1 + len(NODES):
            ports.add(free_port())
        controller, first_port, second_port = ports
        first, second = NODES
        text = _CONFIGURATION.format(
            folder=self.folder,
            controller=controller,
            first_job=1000 * controller,
            first=first,
            second=second,
            first_port=first_port,
            second_port=second_port,
        )
        (self.folder / "slurm.conf").write_text(text)
        # Devices that are there on any machine.
        (self.folder / "gres.conf").write_text("Name=gpu File=/dev/zero\nName=gpu File=/dev/full\n")

    def _daemon(self, *command: str) -> None:
        with (self.folder / f"{command[0]}{len(self._daemons)}.out").open("wb") as log:
            daemon = subprocess.Popen(
                command,
                env=self.environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._daemons.append(daemon)

    def _is_idle(self) -> bool:
        assert all(daemon.poll() is None for daemon in self._daemons), self.logs()
        said = self.command("sinfo", "--noheader", "--Node", "--format=%T")
        return said.stdout.split() == ["idle"] * len(NODES)

    def command(self, *words: str, cwd: Path | None = None, timeout: float = 30) -> Finished:
        return run_bounded(words, timeout, self.environment(), cwd=cwd)

    def state(self, job: str) -> dict[str, str]:
        """What SLURM says of a job, by its names: JobState, Restarts, ExitCode, …"""
        said = self.command("scontrol", "--oneliner", "show", "job", job)
        assert said.returncode == 0, said
        return dict(word.partition("=")[::2] for word in said.stdout.splitlines()[0].split() if "=" in word)

    def submit(self, script: Path) -> str:
        """A script to the queue, from its own directory; the job's number."""
        said = self.command("sbatch", "--parsable", str(script), cwd=script.parent)
        assert said.returncode == 0, said
        return said.stdout.strip()

    def wait_for(self, job: str, states: Sequence[str], seconds: float = 90) -> Mapping[str, str]:
        """Until a job is in one of these states; what SLURM then says of it."""

        def explain() -> str:
            return f"{self.state(job)}\n{self.logs()}"

        wait_until(lambda: self.state(job)["JobState"] in states, seconds, explain)
        return self.state(job)

    def logs(self) -> str:
        files = [*self.folder.glob("*.log"), *self.folder.glob("*.out")]
        return "\n".join(f"== {path.name}\n{path.read_text(errors='replace')[-2000:]}" for path in files)

    def stop(self) -> None:
        """End all jobs, then the daemons, those first who would miss the others."""
        if self._daemons and self._daemons[-1].poll() is None:
            self.command("scancel", "--user=root", "--full")
            deadline = time.monotonic() + 15
            while self.command("squeue", "--noheader").stdout.strip() and time.monotonic() < deadline:
                time.sleep(0.2)
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def living(self) -> dict[int, str]:
        """Command lines of all processes of this family, by id."""
        return families.living(f"SLURM_CONF={self.folder}/")

    def end_what_is_left(self) -> dict[int, str]:
        """Whoever is still there a moment after its parent; ended."""
        return families.end(f"SLURM_CONF={self.folder}/")


_MUNGED = {
    "key-file": "munge.key",
    "socket": "munge.socket",
    "pid-file": "munged.pid",
    "log-file": "munged.log",
    "seed-file": "munged.seed",
}


def wait_until(condition: Callable[[], bool], seconds: float, explain: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s:\n{explain()}"
        time.sleep(0.1)
