"""Equations of the user's own are tried before anything is written, and what they return is looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sim
from sim import casefile
from sim.errors import SimError
from sim.problem import build
from tests.sim.python_equations import CORE, U, case_in, changed

Small = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("method", "body", "words"),
    [
        (
            "tendency",
            f"return {CORE}",
            r"returns float64\[3, 4\], of a patch of .*a dict of an array for each field: u",
        ),
        ("tendency", "pass", "returns None"),
        ("tendency", "return {}", "returns a dict of nothing"),
        ("tendency", f"return {{'u': {CORE}, 'w': {CORE}}}", "returns a dict of u, w"),
        ("tendency", f"return {{'u': {U}}}", r"returns float64\[5, 6\] for u, .* wanted is float64\[3, 4\]"),
        ("tendency", f"return {{'u': {U}[1:-1, 2:]}}", None),
        ("tendency", f"return {{'u': {CORE}.T}}", r"returns float64\[4, 3\] for u"),
        ("tendency", f"return {{'u': {CORE}.astype(int)}}", r"returns int64\[3, 4\] for u"),
        ("tendency", f"return {{'u': 1j * {CORE}}}", r"returns complex128\[3, 4\] for u"),
        ("tendency", "return {'u': 3.0}", "returns a float for u"),
        ("tendency", "raise ValueError('no\\nmore')", r"raises ValueError: no \(mine.py, line 22: raise ValueError"),
        ("tendency", "return patch.coefficients['q']", r"raises KeyError: 'q' \(mine.py, line 22: return patch"),
        (
            "tendency",
            f"return {{'u': jnp.dot({U}, jnp.ones(9))}}",
            r"raises TypeError: dot_general .* \(mine.py, line 22",
        ),
        ("change", f"return {{'u': dt * {U}}}", r"returns float64\[5, 6\] for u"),
        ("change", f"return {{'u': dt * {CORE}}}", None),
        ("rates", "return (1.0, 0.0)", r"returns a tuple, .*; wanted is solvers.equations.Rates\(decay, wave\)"),
        ("rates", "return Rates(1.0, None)", "returns None as wave"),
        ("rates", "return Rates(jnp.ones(7), 0.0)", r"returns float64\[7\] as decay"),
        ("rates", "return Rates(1.0, 0.0)", None),
        ("rates", f"return Rates(jax.jit(lambda u, k: (u, 2.0 * k))({U}, 1.0)[1], 0.0)", None),
        ("rates", f"return Rates(jax.jit(lambda u, k: (k, jnp.max(u)))({U}, 1.0)[1], 0.0)", "as decay that depends"),
        ("rates", f"return Rates(abs({CORE}), abs({U}))", None),
        ("rates", f"return Rates(jnp.max({U}), 0.0)", "a number as decay that depends on the cells"),
        ("rates", "return Rates(0.0, jnp.max(patch.coefficients['k']))", "a number as wave that depends on the cells"),
        ("rates", f"return Rates(0.0, 1.0 if {U}[0, 0] > 0 else 0.0)", "raises TracerBoolConversionError"),
        ("stiff", "return None", None),
        ("diffusion", "return None", None),
    ],
)
def test_what_it_returns_is_looked_at(small: Small, tmp_path: Path, method: str, body: str, words: str | None) -> None:
    """Of a patch of 5 × 6 cells; what is as it should be, or is not asked for, passes."""
    case = case_in(tmp_path, small, changed(method, body), "mine:Changed")
    if words is None:
        build(case)
    else:
        with pytest.raises(SimError, match=words) as caught:
            build(case)
        assert str(caught.value).startswith(f"equation.kind = mine:Changed: {method}(patch) r")


KEPT = """
from functools import cached_property
import numpy as np

class Changed(Decay):
    @cached_property
    def weights(self):
        return {made}

    def {method}:
        return {returned}
"""


@pytest.mark.parametrize(
    ("method", "returned"),
    [
        ("tendency(self, patch)", f"{{'u': self.weights[0] * {CORE}}}"),
        ("change(self, patch, dt)", f"{{'u': dt * self.weights[0] * {CORE}}}"),
        ("rates(self, patch)", "Rates(self.weights[0], 0.0)"),
    ],
)
def test_arrays_that_one_call_leaves_to_the_next(small: Small, tmp_path: Path, method: str, returned: str) -> None:
    """JAX's end with the trace that has made them; numpy's last."""
    with pytest.raises(SimError, match=r"patch\) uses float64\[3\] that an earlier call has made"):
        build(
            case_in(tmp_path, small, KEPT.format(made="jnp.ones(3)", method=method, returned=returned), "mine:Changed")
        )
    build(case_in(tmp_path, small, KEPT.format(made="np.ones(3)", method=method, returned=returned), "mine:Changed"))


@pytest.mark.parametrize(
    ("method", "body", "words"),
    [
        ("stiff", "return None", "returns None"),
        ("diffusion", "return None", "returns None, .* a dict of the fields that diffuse, among u"),
        ("diffusion", "return {'v': 1.0}", "returns a dict of v"),
        ("diffusion", "return {'u': 1.0}", r"returns a float for u, .*equations.Diffusion\(k, mean\)"),
        ("diffusion", "return {'u': Diffusion(1.0, 'arithmetic')}", "returns a k of a float, a float for u"),
        ("diffusion", f"return {{'u': Diffusion(({U},), 'arithmetic')}}", r"returns a k of float64\[5, 6\] for u"),
        ("diffusion", f"return {{'u': Diffusion(({U}, {U}), 'arithmetic')}}", None),
        ("diffusion", "return {'u': Diffusion(jnp.ones(()), 'arithmetic')}", None),
    ],
)
def test_so_is_what_implicit_methods_ask_for(
    small: Small, tmp_path: Path, method: str, body: str, words: str | None
) -> None:
    time = {"end": 0.01, "integrator": "imex-euler", "step": 0.005}
    case = case_in(tmp_path, small, changed(method, body), "mine:Changed", time=time)
    if words is None:
        build(case)
    else:
        with pytest.raises(SimError, match=words):
            build(case)


def test_a_dtype_of_its_own_is_none(small: Small, tmp_path: Path) -> None:
    case = case_in(tmp_path, small, changed("tendency", f"return {{'u': {CORE} * jnp.float64(2)}}"), "mine:Changed")
    build(case)
    with pytest.raises(SimError, match=r"returns float64\[3, 4\] for u, .* wanted is float32\[3, 4\]"):
        build(casefile.load(case, ["numerics.dtype=float32"]).based_at(tmp_path))


@pytest.mark.parametrize("rates", ["Rates(-1.0, 0.0)", "Rates(0.0, jnp.float64('nan'))", f"Rates(-abs({U}), 0.0)"])
def test_rates_that_bound_nothing(small: Small, tmp_path: Path, rates: str) -> None:
    case = case_in(tmp_path, small, changed("rates", f"return {rates}"), "mine:Changed")
    with pytest.raises(SimError, match="both must be numbers from 0"):
        sim.run(case, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_numbers_are_rates_like_arrays(
    small: Small, tmp_path: Path, fields: Callable[[Path], list[np.ndarray]]
) -> None:
    found = []
    for number, rates in enumerate(("Rates(40, 0.0)", "Rates(jnp.full(patch.shape, 40.0), jnp.float64(0.0))")):
        case = case_in(tmp_path, small, changed("rates", f"return {rates}"), "mine:Changed")
        result = sim.run(case, output=tmp_path / str(number))
        found.append((result.steps, fields(result.directory)[-1].tobytes()))
    assert found[0] == found[1]
