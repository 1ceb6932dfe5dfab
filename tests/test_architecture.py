"""Who may import whom, and how long a file may get."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for package in ("sim", "solvers") for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# Where a communicator is handled, or an MPI library examined.
MPI = {
    "sim/doctor/probes.py",
    "sim/membership.py",
    "sim/output/mpio.py",
    "sim/team.py",
    "sim/transport/choice.py",
    "sim/transport/hybrid.py",
    "sim/transport/mpi.py",
    "sim/transport/rank_ops.py",
}
# `solvers` from the bottom up; what stands on one line does not know each other.
LAYERS = [
    {"fields", "grid", "exchange", "block", "rounding", "traced"},
    {"cellwise", "derivative", "native_loop", "once", "powers", "stencil", "reductions"},
    {"window"},
    {"halo", "strips", "measures", "operators", "patch"},
    {"tiles"},
    {"cover"},
    {"fluxes", "linear", "made", "reconstruction", "wall"},
    {"terms"},
    {"boundary"},
    {"conducting", "slanted", "walls"},
    {"equations"},
    {"integrators"},
    {"forcing"},
    {"rounds"},
    {"adjoint", "implicit", "march"},
    {"adaptive", "observing"},
]


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Modules that a file imports, and whether it does as soon as it is loaded."""

    def visit(node: ast.AST, at_once: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((alias.name, at_once) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}: relative import"
                yield child.module or "", at_once
                yield from ((f"{child.module}.{alias.name}", at_once) for alias in child.names)
            deferred = isinstance(child, ast.FunctionDef | ast.Lambda) or _for_types_only(child)
            yield from visit(child, at_once and not deferred)

    yield from visit(ast.parse(path.read_text()), True)


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name, _ in imports(path)}


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=place)
def test_who_imports_whom(path: Path) -> None:
    found = roots(path)
    if place(path).startswith("solvers/"):
        assert not found & {"sim", "mpi4py", "mpi4jax", "h5py", "pydantic", "matplotlib"}
    if found & {"mpi4py", "mpi4jax"}:
        assert place(path) in MPI
    if "h5py" in found:
        # Who writes, reads, examines, compares or shows files.
        users = (
            "sim/output/",
            "sim/fieldfile",
            "sim/doctor/",
            "sim/verify/",
            "sim/looking/",
            "sim/record",
            "sim/bench/",
        )
        assert place(path).startswith(users)


def test_mpi_is_loaded_only_by_those_who_use_it() -> None:
    """Of all files that load mpi4py or mpi4jax at once, only those that are themselves loaded on demand."""
    eager = {place(path) for path in FILES for name, at_once in imports(path) if at_once and name.startswith("mpi4")}
    modules = {path.removesuffix(".py").replace("/", ".") for path in eager}
    for path in FILES:
        for name, at_once in imports(path):
            assert not (at_once and name in modules) or place(path) in eager, f"{path} loads {name}"


def test_only_the_one_place_chooses_a_transport() -> None:
    kinds = {"single", "xla", "mpi", "hybrid", "virtual", "members", "spread"}
    for path in FILES:
        if place(path).startswith("sim/transport/"):
            continue
        chosen = {name for name, _ in imports(path) if name.removeprefix("sim.transport.").split(".")[0] in kinds}
        assert not {name for name in chosen if name.startswith("sim.transport.")}, path


def test_only_the_one_place_differentiates() -> None:
    """Products that JAX derives are not rounded, and a sum of them depends on what is compiled together with it.

    Gradients through the time loop are right to rounding, and promise no more.
    """
    plain = {
        str(path.relative_to(ROOT)) for path in FILES if re.search(r"\bjax\.(jvp|vjp|grad|lin|jac)", path.read_text())
    }
    backwards = {f"solvers/adjoint/{name}.py" for name in ("ghosts", "slopes", "total")}
    assert plain == {"solvers/derivative.py", *backwards}


def test_the_numerics_are_layered() -> None:
    level = {name: number for number, names in enumerate(LAYERS) for name in names}
    for path in FILES:
        here = place(path).removeprefix("solvers/").split("/")[0].removesuffix(".py")
        if not place(path).startswith("solvers/") or here == "__init__":
            continue
        for name, _ in imports(path):
            package, _, rest = name.partition(".")
            there = rest.split(".")[0]
            if package == "solvers" and there and there != here:
                assert level[there] < level[here], f"{place(path)} imports {name}"


def test_no_file_imports_what_imports_it() -> None:
    """Neither at once nor on demand, nor through others."""
    modules = {place(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in FILES}
    graph = {
        name: {imported for imported, _ in imports(path) if imported in modules and not name.startswith(imported)}
        for name, path in modules.items()
    }
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("path", [*FILES, *TESTS], ids=place)
def test_one_concept_a_file(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300
