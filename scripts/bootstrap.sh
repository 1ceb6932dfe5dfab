#!/usr/bin/env bash
# Makes the environment of halostep in .venv, or does nothing where it is made.
#
#   bash scripts/bootstrap.sh [--with-tests]
#
#   SIM_MPI=system   build against the mpicc on PATH, instead of installing the mpich wheel
#   SIM_PYTHON=...   the Python to use (3.11 to 3.13)
#   SIM_VENV=...     where the environment goes
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${SIM_VENV:-$root/.venv}
mpi=${SIM_MPI:-mpich}
constraints=$root/scripts/constraints.txt
log=$venv/bootstrap.log
tests=no
[ "${1:-}" = --with-tests ] && tests=yes

say() { echo "bootstrap: $*" >&2; }
fail() {
    say "error: $*"
    exit 1
}

# What the environment is made from.  The stamp that holds it is written last: an environment without a fitting
# stamp, because it was interrupted or the project has moved on, is completed.
recipe() {
    cat "$root/pyproject.toml" "$constraints" "${BASH_SOURCE[0]}"
    echo "$root $mpi"
    [ "$mpi" != system ] || { command -v mpicc && mpicc -show; }
}
digest=$(recipe 2>/dev/null | sha256sum | cut -c1-32)
stamp=$venv/.halostep-stamp
unfinished=$venv/.halostep-unfinished

is_made() {
    [ -x "$venv/bin/python" ] && [ -f "$stamp" ] || return 1
    read -r made made_tests <"$stamp"
    [ "$made" = "$digest" ] && { [ "$tests" = no ] || [ "$made_tests" = yes ]; }
}

find_python() {
    local candidate
    for candidate in ${SIM_PYTHON:-python3.11 python3.12 python3.13 python3}; do
        if command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "no Python 3.11 to 3.13 found (${SIM_PYTHON:-python3} is $("${SIM_PYTHON:-python3}" --version 2>&1 || true));" \
        "install one (Debian: apt-get install python3.11 python3.11-venv python3.11-dev; cluster: module load python)" \
        "or name it: SIM_PYTHON=/path/to/python3.11"
}

# Before anything is downloaded: what no download can mend.
check_tools() {
    case $mpi in
    mpich) ;;
    system)
        command -v mpicc >/dev/null ||
            fail "SIM_MPI=system needs mpicc on PATH; load the cluster's MPI (module load openmpi)," \
                "or leave SIM_MPI out for the mpich wheel"
        ;;
    *) fail "SIM_MPI is mpich (the default) or system; got '$mpi'" ;;
    esac
    local compiler=${CXX:-g++}
    command -v "${compiler%% *}" >/dev/null ||
        fail "no C++ compiler ($compiler): mpi4jax is compiled here; Debian: apt-get install g++; cluster: module load gcc"
    case $venv in
    *[[:space:]]*) fail "the environment would be $venv; mpi4jax does not build where the path has a blank" \
        "give another place: SIM_VENV=/path/to/venv" ;;
    esac
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python has no venv module; Debian: apt-get install python3-venv"
    "$python" -c 'import sysconfig, pathlib, sys
sys.exit(not (pathlib.Path(sysconfig.get_path("include")) / "Python.h").exists())' ||
        fail "$python has no headers (Python.h), which mpi4jax needs; Debian: apt-get install python3-dev"
}

make_venv() {
    # Whatever an interrupted install left behind cannot be told from what it finished: start again.
    [ ! -e "$unfinished" ] || { say "the last bootstrap was interrupted"; rm -rf "$venv"; }
    if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        say "creating $venv with $("$python" --version)"
        rm -rf "$venv"
        "$python" -m venv "$venv" || fail "$python -m venv failed; is there space, and may $venv be written?"
    fi
}

# install WHAT PIP_ARGUMENTS...: one line for the user, the rest into the log.
install() {
    say "installing $1"
    shift
    if ! "$venv/bin/python" -m pip install --disable-pip-version-check -c "$constraints" "$@" >>"$log" 2>&1; then
        grep -v '^WARNING: Location' "$log" | tail -n 12 >&2
        if grep -qE 'NewConnectionError|Failed to establish|Temporary failure in name resolution|No matching distribution' "$log"; then
            fail "a package could not be downloaded: is there a network, and a package index that pip knows" \
                "(pip config list)? On a node without one, run this on a login node first. Log: $log"
        fi
        fail "pip failed, its last lines are above; log: $log"
    fi
}

# mpi4jax builds its CUDA part where CUDA_PATH or nvcc says that there is a toolkit; without the runtime's headers
# that fails, so it is then shown a toolkit without any.
hide_broken_cuda() {
    local nvcc cuda
    nvcc=$(command -v nvcc || true)
    cuda=${CUDA_PATH:-${CUDA_HOME:-}}
    [ -n "$cuda" ] || { [ -n "$nvcc" ] && cuda=$(dirname "$(dirname "$(readlink -f "$nvcc")")"); }
    if [ -e "$cuda" ] || [ -d /usr/local/cuda ]; then
        if [ ! -f "${cuda:-/usr/local/cuda}/include/cuda_runtime.h" ]; then
            mkdir -p "$venv/no-cuda"
            export CUDA_PATH=$venv/no-cuda CUDA_HOME=$venv/no-cuda CUDA_ROOT=$venv/no-cuda
        fi
    fi
}

install_all() {
    : >"$log"
    install "build tools" pip setuptools wheel nanobind
    if [ "$mpi" = system ]; then
        # An mpich wheel of an earlier bootstrap would win over the cluster's library.
        "$venv/bin/python" -m pip uninstall -qy mpich mpi4py mpi4jax >>"$log" 2>&1 || true
        MPICC=$(command -v mpicc) install "mpi4py, built with $(command -v mpicc)" --no-binary mpi4py --no-cache-dir mpi4py
    else
        export PATH="$venv/bin:$PATH"
        install "MPI (the mpich wheel) and mpi4py" mpich mpi4py
    fi
    install "jax" jax jaxlib numpy
    hide_broken_cuda
    install "mpi4jax, compiled here with $(command -v mpicc)" --no-build-isolation --no-cache-dir mpi4jax
    local extras=mpi
    [ "$tests" = no ] || extras=mpi,test
    install "halostep itself [$extras]" --no-build-isolation -e "$root[$extras]"
}

if is_made; then exit 0; fi

python=$(find_python)
check_tools
mkdir -p "$(dirname "$venv")"
if command -v flock >/dev/null; then
    # Two at once: the second waits, and then finds it made.
    exec 9>"$venv.lock"
    flock 9
    if is_made; then exit 0; fi
fi
make_venv
rm -f "$stamp"
touch "$unfinished"
install_all
"$venv/bin/python" -c 'import mpi4jax, jax, h5py' >>"$log" 2>&1 || fail "the installed packages do not import; log: $log"
echo "$digest $tests" >"$stamp.part"
mv "$stamp.part" "$stamp"
rm "$unfinished"
say "done: source $venv/bin/activate"
