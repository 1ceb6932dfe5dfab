"""Case files: what is refused and how, overrides, and TOML out and in again."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim import casefile
from sim.case import Case
from sim.errors import SimError

BUILT_IN = (*("burgers", "copper-bar", "ensemble-plate", "gray-scott", "heat2d", "hillslope", "porous", "robin-plate"),)

# Override of heat2d (2-D) → the key that the message must name.
BAD = {
    "grid.x.cells=0": "grid.x.cells",
    "grid.x.cells=-3": "grid.x.cells",
    "grid.x.cells=1.5": "grid.x.cells",
    "grid.x.cells=many": "grid.x.cells",
    "grid.x.cells=true": "grid.x.cells",
    "grid.x.cells=99999999999": "grid.x.cells",
    "grid.x.lower=inf": "grid.x.lower",
    "grid.x.upper=nan": "grid.x.upper",
    "grid.x.upper=-1.0": "grid.x",
    "grid.x.upper='one'": "grid.x.upper",
    "grid.x.size=4": "grid.x.size",
    "grid.w.cells=4": "grid.w",
    "grid.y=3": "grid.y",
    "grid.z={cells=4}": "boundary.z",
    "equation.alpha=-1.0": "equation.alpha",
    "equation.alpha=nan": "equation.alpha",
    "equation.alpha=inf": "equation.alpha",
    "equation.alpha=x +": "equation.alpha",
    "equation.kind=wavy": "equation.kind",
    "equation.beta=1": "equation.beta",
    "equation.source=q(x)": "equation.source",
    "equation.source=inf": "equation.source",
    "initial.u=nan": "initial.u",
    "initial.u=true": "initial.u",
    "initial.u=[1, 2]": "initial.u",
    "initial.u=''": "initial.u",
    "initial.u=sin(": "initial.u",
    "initial.u=x*t": "initial.u",
    "initial.u=z": "initial.u",
    "initial.v=1": "initial.v",
    "initial.u={dataset='a'}": "initial.u.file",
    "initial.u={file=''}": "initial.u.file",
    "initial.u={file='a.npy', flip=['w']}": "initial.u.flip",
    "initial.u={file='a.npy', flip=['z']}": "initial.u.flip",
    "initial.u={file='a.npy', scale=2}": "initial.u.scale",
    "exact.u=t*q": "exact.u",
    "exact.u=3": "exact.u",
    "boundary.x.kind=robin": "boundary.x",
    "boundary.x=wall": "boundary.x",
    "boundary.x=3": "boundary.x",
    "boundary.x={lower='periodic', upper='neumann'}": "boundary.x",
    "boundary.x={lower='neumann'}": "boundary.x.upper",
    "boundary.x={lower='neumann', upper={kind='dirichlet', value=nan}}": "boundary.x.upper.value",
    "boundary.x={kind='neumann', value=1.0}": "boundary.x.lower.value",
    "boundary.z=periodic": "boundary.z",
    "time.end=-1.0": "time.end",
    "time.end=nan": "time.end",
    "time.end=inf": "time.end",
    "time.end=soon": "time.end",
    "time.step=0.0": "time.step",
    "time.step=-0.1": "time.step",
    "time.step=nan": "time.step",
    "time.safety=0.0": "time.safety",
    "time.safety=1.5": "time.safety",
    "time.safety=nan": "time.safety",
    "time.integrator=magic": "time.integrator",
    "numerics.dtype=float16": "numerics.dtype",
    "numerics.stencil=fast": "numerics.stencil",
    "output.every=0.0": "output.every",
    "output.every=-1.0": "output.every",
    "output.every=nan": "output.every",
    "output.units=3": "output.units",
    "parallel.devices=0": "parallel.devices",
    "parallel.devices=1.0": "parallel.devices",
    "parallel.transport=pigeon": "parallel.transport",
    "parallel.process_grid.x=0": "parallel.process_grid.x",
    "parallel.process_grid.z=2": "parallel.process_grid.z",
    "parallel.process_grid=3": "parallel.process_grid",
    "name=../../etc": "name",
    "name=": "name",
    "speed=3": "speed",
    "tiem.end=1.0": "tiem",
}

# What a formula must never do: none of these is executed.
ATTACKS = [
    "__import__('os').mkdir('pwned')",
    "open('pwned', 'w')",
    "().__class__.__bases__[0].__subclasses__()",
    "(lambda: open('pwned', 'w'))()",
    "[open(p, 'w') for p in ('pwned',)]",
    "x if open('pwned', 'w') else x",
    "f\"{open('pwned', 'w')}\"",
    "exec(\"open('pwned', 'w')\")",
    "x.__class__",
    "(x := 3)",
    "import os",
    "9**9**9**9",
]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("override", "key"), BAD.items())
def test_bad_input_is_named_by_its_key(override: str, key: str) -> None:
    with pytest.raises(SimError) as caught:
        casefile.load("heat2d", [override])
    message = str(caught.value)
    assert f"{key}:" in message or f"{key} " in message or f"{key}." in message, message
    assert "heat2d" in message and "pydantic" not in message


@pytest.mark.parametrize("key", ["grid", "grid.x", "grid.x.cells", "equation", "equation.alpha", "initial", "time.end"])
def test_a_key_that_is_missing_is_named(key: str, small: Callable[..., dict[str, Any]]) -> None:
    table = small()
    *path, last = key.split(".")
    inner = table
    for part in path:
        inner = inner[part]
    del inner[last]
    with pytest.raises(SimError, match=rf"\b{key}: .*required"):
        casefile.load(table)


def test_a_field_without_values_is_named(small: Callable[..., dict[str, Any]]) -> None:
    table = small()
    del table["initial"]["u"]
    with pytest.raises(SimError, match=r"initial\.u is missing"):
        casefile.load(table)


HELD_BY_FILES = ("time", "step", "member", "VTKHDF", "snapshot_0", "snapshot_12", "x", "a" * 65)


@pytest.mark.parametrize("name", HELD_BY_FILES)
def test_a_field_has_a_name_that_files_can_hold(name: str, small: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(SimError, match="can't name a field: files hold"):
        casefile.load({**small(), "equation": {name: f"laplace({name})"}, "initial": {name: 1.0}})


VARIED: dict[str, Any] = {"ensemble": {"vary": {"initial.u": [1.0, 2.0]}}}


@pytest.mark.parametrize("name", ["a/b", ".", "", "ü", "time", "u", "initial.u"])
def test_fields_of_python_have_such_names_too(name: str, small: Callable[..., dict[str, Any]]) -> None:
    equation = {"kind": "mine:Mine", "evolves": ["u", name]}
    with pytest.raises(SimError, match="equation: .* (can't name a field|hold a name twice)"):
        casefile.load({**small(), "equation": equation, "initial": {"u": 1.0, name: 1.0}} | VARIED)


def test_bdf2_keeps_its_last_state_under_a_name(small: Callable[..., dict[str, Any]]) -> None:
    table = small(time__integrator="bdf2", time__step=0.01)
    table |= {"equation": dict.fromkeys(["u", "u__before"], "laplace(u)"), "initial": {"u": 1.0, "u__before": 1.0}}
    with pytest.raises(SimError, match="'u__before' can't name a field"):
        casefile.load(table)
    table["time"]["integrator"] = "tr-bdf2"
    assert casefile.load(table).equation.fields == ("u", "u__before")


TEXTS: dict[str, dict[str, Any]] = {
    "title": {"title": "a\0"},
    "output.units": {"output__units": "m\0"},
    "output.length_units": {"output__length_units": "\0"},
    "output.time_units": {"output__time_units": "\udfff"},
    "output.long_name": {"output__long_name": "\0\0"},
    "output.fields.u.units": {"output__fields": {"u": {"units": "\ud800"}}},
    "output.fields.u.long_name": {"output__fields": {"u": {"long_name": "a\0b"}}},
    "initial.u.file": {"initial__u": {"file": "a\0.npy"}},
    "initial.u.dataset": {"initial__u": {"file": "a.h5", "dataset": "a\0"}},
    "ensemble.vary": {"ensemble": {"vary": {"initial.u\0": [1.0]}}},
}


@pytest.mark.parametrize("key", TEXTS)
def test_a_text_is_one_that_files_hold(key: str, small: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(SimError, match=rf"{key}\b.*: character \d+ is '.*', which files do not hold"):
        casefile.load(small(**TEXTS[key]))
    assert casefile.load(small(title="∂u/∂t in K·m⁻¹")).title == "∂u/∂t in K·m⁻¹"


def test_an_axis_without_boundary_is_named(small: Callable[..., dict[str, Any]]) -> None:
    table = small()
    del table["boundary"]["y"]
    with pytest.raises(SimError, match=r"boundary\.y is missing"):
        casefile.load(table)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SimError) as caught:
        casefile.load("heat2d", ["time.end=-1.0", "equation.alpha=-1.0", "speed=3"])
    assert all(key in str(caught.value) for key in ("time.end", "equation.alpha", "speed"))


def test_a_flux_without_diffusivity_is_refused(small: Callable[..., dict[str, Any]]) -> None:
    wall = {"kind": "neumann", "flux": 1.0}
    with pytest.raises(SimError, match=r"equation\.alpha is 0"):
        casefile.load(small(equation__alpha=0.0, boundary__x=wall))


@pytest.mark.parametrize("wall", [{"kind": "robin", "h": 1.0}, {"kind": "radiation"}, {"kind": "neumann", "flux": 1.0}])
@pytest.mark.parametrize("equation", [{"u": "laplace(u)"}, {"kind": "heat", "alpha": "1 + grad_squared(u)"}])
def test_a_wall_that_lets_through_needs_to_know_how_much(
    wall: dict[str, Any], equation: dict[str, Any], small: Callable[..., dict[str, Any]]
) -> None:
    table = {**small(boundary__x=wall), "equation": equation}
    with pytest.raises(SimError, match=r"boundary\.x\.lower: .* needs a diffusivity that is known there"):
        casefile.load(table)


UNKNOWN = {
    "text": ({"u": "0.3 * laplace(u)"}, "parameter or coefficient alpha"),
    "alpha of 0": ({"u": "alpha * laplace(u)", "parameters": {"alpha": 0.0}}, "parameter or coefficient alpha"),
    "heat": ({"kind": "heat", "alpha": 0.0}, r"equation\.alpha is 0"),
    "conduction": ({"kind": "conduction", "conductivity": 0.0}, r"equation\.conductivity is 0"),
    "transport": ({"kind": "advection-diffusion", "velocity": {"x": 1.0}}, r"equation\.alpha is 0"),
    "reaction": ({"kind": "allen-cahn", "diffusivity": 0.1}, "this equation has none; take one of heat"),
}


@pytest.mark.parametrize(("equation", "why"), UNKNOWN.values(), ids=UNKNOWN)
def test_it_is_said_which_diffusivity_a_wall_misses_and_which_wall(
    equation: dict[str, Any], why: str, small: Callable[..., dict[str, Any]]
) -> None:
    table = {**small(boundary__x="outflow"), "equation": equation}
    table["boundary"]["fields"] = {"u": {"x": {"lower": "outflow", "upper": {"kind": "robin", "h": 1.0}}}}
    with pytest.raises(SimError, match=rf"boundary\.fields\.u\.x\.upper: a flux .* known there; .*{why}"):
        casefile.load(table)


def test_an_outflow_needs_two_cells_to_go_on_from(small: Callable[..., dict[str, Any]]) -> None:
    """The second one of one cell would be a ghost beyond the other wall."""
    with pytest.raises(SimError, match=r"boundary\.x\.upper = outflow .*, and grid\.x\.cells is 1; use neumann"):
        casefile.load(small((8, 1), boundary__x={"lower": "neumann", "upper": "outflow"}))
    assert casefile.load(small((8, 2), boundary__x="outflow")).ndim == 2


@pytest.mark.parametrize("given", [{"parameters": {"alpha": 0.3}}, {"coefficients": {"alpha": "1 + x"}}])
def test_a_wall_finds_the_alpha_of_formulas(given: dict[str, Any], small: Callable[..., dict[str, Any]]) -> None:
    table = small(boundary__x={"kind": "robin", "h": 1.0})
    loaded = casefile.load({**table, "equation": {"u": "div(alpha * grad(u))", **given}})
    assert [loaded.equation.wall_conductivity] == [alpha for values in given.values() for alpha in values.values()]


@pytest.mark.parametrize("formula", ATTACKS)
@pytest.mark.parametrize("key", ["initial.u", "equation.source", "exact.u"])
def test_formulas_are_never_executed(
    formula: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: Callable[..., dict[str, Any]]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SimError, match=key):
        casefile.load(small(**{key.replace(".", "__"): formula}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("formula", "ndim", "fine"),
    [("sin(pi*x)", 1, True), ("y", 1, False), ("y*x", 2, True), ("z", 2, False), ("x*y*z", 3, True)],
)
def test_formulas_know_the_axes_of_the_grid(
    formula: str, ndim: int, fine: bool, small: Callable[..., dict[str, Any]]
) -> None:
    table = small((4, 5, 6)[:ndim], initial__u=formula)
    if fine:
        assert casefile.load(table).initial["u"] == formula
    else:
        with pytest.raises(SimError, match=r"initial\.u"):
            casefile.load(table)


# ---------------------------------------------------------------------------------------------------- overrides


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("time.end=0.25", lambda case: case.time.end == 0.25),
        ("time.end=3", lambda case: case.time.end == 3.0),
        (" time.end = 0.25 ", lambda case: case.time.end == 0.25),
        ("numerics.dtype=float32", lambda case: case.numerics.dtype == "float32"),
        ('numerics.dtype="float32"', lambda case: case.numerics.dtype == "float32"),
        ("initial.u=x*y", lambda case: case.initial["u"] == "x*y"),
        ("initial.u=x*(y==0.5)", lambda case: case.initial["u"] == "x*(y==0.5)"),
        ("initial.u=2.5", lambda case: case.initial["u"] == 2.5),
        ("initial.u.file=a.npy", lambda case: case.initial["u"].file == "a.npy"),
        ("boundary.x=periodic", lambda case: case.boundary.x.lower.kind == "periodic"),
        ("boundary.y.value=7.0", lambda case: case.boundary.y.upper.value == 7.0),
        ("parallel.process_grid.y=2", lambda case: case.process_grid() == (2, 1)),
        ("exact.u=t", lambda case: case.exact["u"] == "t"),
        ('ensemble.vary."equation.alpha"=[0.1,0.2]', lambda case: len(case.members()) == 2),
        ("ensemble.vary . 'equation.alpha' = [0.1,0.2]", lambda case: len(case.members()) == 2),
        ('"time".end=2.5', lambda case: case.time.end == 2.5),
        ('title="""a\nname=b"""', lambda case: (case.title, case.name) == ("a\nname=b", "heat2d")),
    ],
)
def test_overrides(override: str, value: Callable[[Case], bool]) -> None:
    if override.startswith("initial.u."):
        base: Any = {**casefile.load("heat2d").model_dump(exclude_none=True), "initial": {"u": {}}}
    else:
        base = "heat2d"
    assert value(casefile.load(base, [override]))


KINDS: dict[str, tuple[list[str], Callable[[Case], bool]]] = {
    "a wall": (
        ["boundary.x.lower.kind=neumann"],
        lambda case: (case.boundary.x.lower.kind, case.boundary.x.upper.kind) == ("neumann", "dirichlet"),
    ),
    "both walls": (["boundary.x.kind=neumann"], lambda case: case.boundary.x.upper.kind == "neumann"),
    "a wall told by its kind alone": (
        ["boundary.x=dirichlet", "boundary.x.kind=neumann"],
        lambda case: case.boundary.x.lower.kind == "neumann",
    ),
    "of what both know": (
        ["boundary.x={kind='robin',h=1.0,ambient=3.0}", "boundary.x.kind=radiation"],
        lambda case: case.boundary.x.lower.ambient == 3.0,
    ),
    "an equation": (["equation.kind=burgers", "equation.viscosity=0.1"], lambda case: case.equation.kind == "burgers"),
    "formulas": (
        ["equation={u='0.5 * laplace(u)'}", "equation.kind=burgers", "equation.viscosity=0.1"],
        lambda case: case.equation.kind == "burgers",
    ),
    "the same formulas": (
        ["equation={u='0.5 * laplace(u)'}", "equation.kind=written"],
        lambda case: case.equation.fields == ("u",),
    ),
    "to formulas": (
        ["equation.u=laplace(u)", "equation.kind=written"],
        lambda case: case.equation.fields == ("u",),
    ),
}


@pytest.mark.parametrize(("overrides", "value"), KINDS.values(), ids=KINDS)
def test_another_kind_is_not_told_what_the_old_one_was(overrides: list[str], value: Callable[[Case], bool]) -> None:
    assert value(casefile.load("heat2d", overrides))


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (["boundary.x.value=3.0", "boundary.x.kind=neumann"], "boundary.x.lower.value: unknown key"),
        (["equation.alpha=3.0", "equation.kind=burgers"], "equation.alpha: unknown key"),
        (["equation.alhpa=3.0", "equation.kind=burgers"], "equation.alhpa: unknown key"),
        (["equation.kind=lukewarm"], "equation.kind is unknown"),
    ],
)
def test_another_kind_is_told_what_the_user_tells_it(overrides: list[str], key: str) -> None:
    with pytest.raises(SimError, match=key):
        casefile.load("heat2d", overrides)


def test_the_last_override_counts() -> None:
    assert casefile.load("heat2d", ["time.end=1.0", "time.end=2.0"]).time.end == 2.0


@pytest.mark.parametrize(
    "override", ["time.end", "=3", "", "time..end=3", ".=3", "time.end.x=3", "name.first=3", '"time.end=3', "a'b.c=3"]
)
def test_overrides_that_name_nothing(override: str) -> None:
    with pytest.raises(SimError, match="--set"):
        casefile.load("heat2d", [override])


@pytest.mark.parametrize("more", ['name="q"', "[grid.y]\ncells=8", "# for now\ntime.end=1"])
def test_an_override_is_one(more: str) -> None:
    with pytest.raises(SimError, match=r"--set takes one KEY=VALUE; give '\w+' a --set of its own"):
        casefile.load("heat2d", [f"grid.x.cells=16\n{more}"])


def test_overrides_leave_the_callers_table_alone(small: Callable[..., dict[str, Any]]) -> None:
    table = small()
    before = copy.deepcopy(table)
    assert casefile.load(table, ["time.end=5.0", "output.units=K", "grid.x.cells=99"]).time.end == 5.0
    assert table == before


@given(st.text(max_size=40))
@settings(max_examples=200)
def test_any_override_is_taken_or_refused(text: str) -> None:
    for override in (text, f"time.end={text}", f"initial.u={text}"):
        try:
            assert isinstance(casefile.load("heat2d", [override]), Case)
        except SimError:
            pass


@pytest.mark.parametrize("value", ["[" * 5000, "9" * 5000, "{a=" * 3000, "9" * 400], ids=lambda value: value[:3])
def test_overrides_beyond_what_a_parser_stands(value: str) -> None:
    with pytest.raises(SimError):
        casefile.load("heat2d", [f"time.end={value}"])


# -------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("name", ["nope", "heat3d", "", "./heat2d", "heat2d.toml", "../heat2d", "a\0b", "x" * 5000])
def test_an_unknown_case_lists_the_known_ones(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SimError) as caught:
        casefile.load(name)
    assert all(known in str(caught.value) for known in BUILT_IN), caught.value


def test_the_built_in_cases() -> None:
    assert casefile.builtin_names() == sorted(BUILT_IN)
    assert casefile.DEFAULT == "heat2d"
    for name in BUILT_IN:
        assert casefile.load(name).name == name and casefile.load(name).title


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name = ", "not TOML"),
        (b"[grid\n", "not TOML"),
        (b'name = "a"\nname = "b"\n', "not TOML"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"", "required"),
        (b"a = " + b"[" * 100_000, "not TOML"),
        (b"#" * (2 << 20), "bytes"),
    ],
    ids=["no value", "no bracket", "twice", "bytes", "empty", "nested", "large"],
)
def test_files_that_are_no_cases(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(SimError, match=words) as caught:
        casefile.load(path)
    assert "mine.toml" in str(caught.value)


@given(st.binary(max_size=60))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_taken_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(SimError):
        casefile.load(path)


def test_a_directory_is_no_case(tmp_path: Path) -> None:
    with pytest.raises(SimError, match="unknown case"):
        casefile.load(tmp_path)


def test_relative_files_start_at_the_case_file(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.toml", casefile.to_toml(casefile.load("heat2d")))
    assert casefile.load(path).base == tmp_path.resolve()
    assert casefile.load(path, ["time.end=1.0"]).base == tmp_path.resolve()


# --------------------------------------------------------------------------------------------- out and in again


def round_trip(case: Case, folder: Path) -> Case:
    return casefile.load(write(folder / "again.toml", casefile.to_toml(case))).based_at(case.base)


VARIANTS = {
    "one axis": {"shape": (7,)},
    "three axes": {"shape": (3, 4, 5)},
    "a field file": {"initial__u": {"file": "a b.npz", "dataset": "z", "flip": ["y", "x"]}},
    "a package's file": {"initial__u": {"file": "a.npy", "package": "matplotlib"}},
    "a number": {"initial__u": 1e-300, "equation__source": -2.5e22},
    "sides": {"boundary__x": {"lower": {"kind": "neumann", "flux": 0.1}, "upper": "dirichlet"}},
    "a process grid": {"parallel__process_grid": {"x": 2, "y": 3}, "parallel__devices": 6},
    "a step": {"time__step": 1e-7},
    "text": {"title": 'a "quoted" \\ path,\ttab\nline — é \u2028 \x7f', "output__units": "'K'"},
}


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_cases_survive_toml(name: str, tmp_path: Path) -> None:
    case = casefile.load(name)
    assert round_trip(case, tmp_path) == case


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_variants_survive_toml(changes: dict[str, Any], tmp_path: Path, small: Callable[..., dict[str, Any]]) -> None:
    case = casefile.load(small(**changes))
    assert round_trip(case, tmp_path) == case


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
    st.floats(1e-300, 1e300),
    st.floats(allow_nan=False, allow_infinity=False),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_and_number_survives_toml(tmp_path: Path, text: str, end: float, value: float) -> None:
    table = casefile.load("heat2d").model_dump(exclude_none=True)
    table["title"], table["time"]["end"], table["initial"]["u"] = text, end, value
    case = casefile.load(table)
    assert round_trip(case, tmp_path) == case


def test_lists_come_out_as_they_are(tmp_path: Path, small: Callable[..., dict[str, Any]]) -> None:
    times = [0.1 * number for number in range(1, 3000)]
    case = casefile.load(small((7,), regions=[{"box": {"x": [0.1, 0.9]}, "set": 1.0, "times": times}]))
    assert round_trip(case, tmp_path) == case


def test_a_case_that_could_not_be_read_again_is_refused(small: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(SimError, match=r"is \d+ bytes long when written out; a case file has at most 1048576: shorten"):
        casefile.to_toml(casefile.load(small((7,), title="x" * (1 << 20))))


@pytest.mark.parametrize("name", BUILT_IN)
def test_toml_shows_every_key(name: str) -> None:
    """Also those that are not set, as a comment: it is something to start from."""
    text = casefile.to_toml(casefile.load(name))
    for key in ("title", "safety", "step =", "stencil", "devices = …", "process_grid = …", "long_name"):
        assert key in text


def test_a_case_built_in_python_is_taken_as_it_is() -> None:
    from sim import case as tables

    wall = tables.AxisSides(lower=tables.Neumann(flux=1.0), upper=tables.Dirichlet())
    case = Case(
        name="mine",
        grid=tables.GridTable(x=tables.AxisTable(cells=8)),
        equation=tables.HeatTable(alpha=1.0),
        initial={"u": tables.FileSource(file="a.npy")},
        boundary=tables.BoundaryTable(x=wall),
        time=tables.TimeTable(end=1.0),
    )
    assert casefile.load(case) == case
    assert casefile.load(case, ["time.end=2.0"]).time.end == 2.0
    assert case.time.end == 1.0
