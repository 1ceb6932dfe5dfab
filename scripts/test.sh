#!/usr/bin/env bash
# Runs the whole test suite, mpirun's part included, making the environment first where it is missing.
#
#   bash scripts/test.sh [arguments of pytest]
#
# As many tests at once as there are cores, up to eight; one after another: -n 0.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$root/scripts/bootstrap.sh" --with-tests
source "${SIM_VENV:-$root/.venv}/bin/activate"
cd "$root"
# What is given last counts.
workers="--numprocesses=auto --maxprocesses=8 --dist=worksteal"
[[ " $* " != *no:xdist* ]] || workers=
# shellcheck disable=SC2086
exec python -m pytest $workers "$@"
