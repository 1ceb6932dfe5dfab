#!/usr/bin/env bash
# Runs a case on MPI ranks, making the environment first where it is missing.
#
#   bash scripts/run.sh [CASE] [options of `sim run`]        SIM_RANKS=4
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$root/scripts/bootstrap.sh"
source "${SIM_VENV:-$root/.venv}/bin/activate"
exec mpirun -n "${SIM_RANKS:-4}" python -m sim run "$@"
