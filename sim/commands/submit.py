"""`sim submit`: a case into SLURM's queue."""

from __future__ import annotations

import argparse
from typing import Any

from sim.commands import options
from sim.launcher import is_speaker


def add(commands: Any) -> None:
    submit = commands.add_parser(
        "submit",
        help="run a case as a SLURM job",
        description="Check a case, fill in one of the batch scripts (scripts/*.sbatch) and give it to sbatch: "
        "run-cpu, run-gpu with --gpus, run-multihost-xla with --transport xla, chain with --chain.",
    )
    submit.add_argument("case", help="a built-in case or a TOML file, which the job reads when it starts")
    submit.add_argument("--nodes", type=int, default=1, metavar="N", help="how many nodes (default: 1)")
    submit.add_argument(
        "--ranks-per-node",
        type=int,
        metavar="N",
        help="ranks on each (default: one a GPU; 1 for xla, hybrid, CPUs)",
    )
    submit.add_argument("--time", required=True, metavar="H:MM:SS", help="what the job may take at most")
    submit.add_argument("--partition", metavar="NAME", help="SLURM's partition")
    submit.add_argument("--account", metavar="NAME", help="SLURM's account")
    submit.add_argument("--gpus", type=int, metavar="N", help="GPUs of each node")
    submit.add_argument("--chain", action="store_true", help="checkpoint before the time is up, and requeue until done")
    submit.add_argument(
        "--output", type=options.directory, metavar="DIR", help="run directory (default: runs/CASE/JOB)"
    )
    submit.add_argument("--transport", choices=("auto", "mpi", "hybrid", "xla"), help="how blocks reach each other")
    submit.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help="change the case, as in run"
    )
    submit.add_argument(
        "--sbatch", action="append", default=[], metavar="OPTION", help="one more for sbatch: --sbatch=--qos=debug"
    )
    submit.add_argument("--dry-run", action="store_true", help="print the script instead")
    submit.set_defaults(do=_submit)


def _submit(arguments: argparse.Namespace) -> int:
    from sim.batch import Job, submit

    transport = [f'parallel.transport="{arguments.transport}"'] if arguments.transport else []
    takes_all = arguments.gpus is None or arguments.transport in ("xla", "hybrid")
    one_a_gpu = 1 if takes_all else arguments.gpus
    job = Job(
        case=arguments.case,
        nodes=arguments.nodes,
        ranks_per_node=one_a_gpu if arguments.ranks_per_node is None else arguments.ranks_per_node,
        time=arguments.time,
        partition=arguments.partition,
        account=arguments.account,
        gpus=arguments.gpus,
        chain=arguments.chain,
        output=arguments.output,
        overrides=(*arguments.overrides, *transport),
        options=tuple(arguments.sbatch),
    )
    script = job.script()
    if not is_speaker():
        return 0
    if arguments.dry_run:
        print(script, end="")
    else:
        print(f"submitted as job {submit(script)}; squeue shows it, and its log is written here")
    return 0
