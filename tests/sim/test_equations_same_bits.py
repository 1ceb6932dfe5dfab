"""Every equation gives the same bits wherever it runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.equations import EQUATIONS, case_of, outcome

PLACES: dict[str, dict[str, Any]] = {
    "virtual, slabs": {"transport": "virtual", "blocks": 3, "depth": 2, "slab": 1},
    "xla": {"transport": "xla", "devices": 4, "depth": 1},
}


def check(case: dict[str, Any]) -> None:
    fields, stable = outcome(case)
    assert 0 < stable < np.inf or case["equation"].get("kind") == "wave"
    for u in fields.values():
        assert np.isfinite(u).all() and np.unique(u).size > 50, "the field is not trivial"
    for place, where in PLACES.items():
        others, others_stable = outcome(case, **where)
        assert others_stable == stable, place
        for name, u in fields.items():
            np.testing.assert_array_equal(others[name], u, err_msg=f"{name} in {place}")


@pytest.mark.parametrize("name", EQUATIONS)
def test_in_two_dimensions(name: str) -> None:
    check(case_of(name, 2, "float32"))


IN_ANY = ("heat", "burgers", "cahn-hilliard", "text, functions")


@pytest.mark.long
@pytest.mark.parametrize("name", IN_ANY)
@pytest.mark.parametrize(("ndim", "dtype"), [(1, "float32"), (3, "float32"), (2, "float64")])
def test_in_others(name: str, ndim: int, dtype: str) -> None:
    case = case_of(name, ndim, dtype)
    if name == "heat" and ndim == 1:
        case["equation"] = {**case["equation"], "source": "x"}
    check(case)


@pytest.mark.parametrize("form", ["slices", "conv"])
@pytest.mark.parametrize("name", ["heat", "gray-scott", "limited"])
def test_of_fourth_order(name: str, form: str) -> None:
    case = case_of(name, 2, "float32")
    case["numerics"] |= {"order": 4, "stencil": form}
    check(case)
