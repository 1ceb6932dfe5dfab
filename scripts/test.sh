#!/usr/bin/env bash
# Runs the whole test suite, mpirun's part included, making the environment first where it is missing.
#
#   bash scripts/test.sh [arguments of pytest]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$root/scripts/bootstrap.sh" --with-tests
source "${SIM_VENV:-$root/.venv}/bin/activate"
cd "$root"
exec python -m pytest "$@"
