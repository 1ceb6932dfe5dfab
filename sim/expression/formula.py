"""A formula: a text that has been through the whitelist, and the function that it means."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.expression.evaluation import as_operand, evaluate
from sim.expression.reader import Reader
from sim.expression.tree import Node, names_in
from sim.expression.words import CONSTANTS, FUNCTIONS


@dataclass(frozen=True)
class Formula:
    """A validated formula in some variables; equal, hashed and pickled by `text` and `variables`.

    `names` holds the variables that the formula really uses: `evaluate` needs only those.
    Raises FormulaError for a text outside the whitelist, ValueError for unusable variable names.
    """

    text: str
    variables: tuple[str, ...]
    names: frozenset[str] = field(init=False, repr=False, compare=False)
    _tree: Node = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "variables", tuple(self.variables))
        check_variables(self.variables)
        object.__setattr__(self, "_tree", Reader(self.text, self.variables).formula())
        object.__setattr__(self, "names", names_in(self._tree))

    @classmethod
    def parse(cls, text: str, variables: tuple[str, ...] = ()) -> Formula:
        """`text` as a formula in `variables`; FormulaError points at what is wrong with it."""
        return cls(text, variables)

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickle holds the text alone: what comes out of it has been through the whitelist again.
        return (Formula, (self.text, self.variables))

    def __call__(self, /, **values: Any) -> NDArray[np.float64]:
        """Evaluate by numpy, the variables given by name; see `evaluate`."""
        result: NDArray[np.float64] = self.evaluate(values)
        return result

    def evaluate(self, values: Mapping[str, Any], xp: Any = np) -> Any:
        """Return a new array of the broadcast shape of the variables used (0-d if none is).

        `values` holds real scalars or broadcastable arrays, for `names` at least.  `xp` is numpy (a float64
        result, non-finite where the mathematics is: the caller checks) or jax.numpy (dtypes by its rules).
        With numpy an element depends on its own variables alone, to the bit: not on shape, strides or blocks.
        Raises ValueError for a missing value, TypeError for one that is not of real numbers.
        """
        missing = sorted(self.names - values.keys())
        if missing:
            raise ValueError(f"formula {self.text!r} needs a value for {', '.join(missing)}; give it one")
        used = {name: as_operand(name, values[name], xp) for name in self.names}
        with np.errstate(all="ignore"):
            result = evaluate(self._tree, used, xp)
        # numpy: a copy, lest somebody changes the coordinates through the result of the formula "x".
        return np.array(result, dtype=np.float64) if xp is np else xp.asarray(result)


def check_variables(variables: tuple[str, ...]) -> None:
    for name in variables:
        if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name):
            raise ValueError(f"{name!r} cannot name a variable of a formula; use ASCII letters, digits and _")
        if name in FUNCTIONS or name in CONSTANTS:
            kind = "function" if name in FUNCTIONS else "constant"
            raise ValueError(f"variable {name!r} has the name of a {kind} of formulas; choose another name")
    if len(set(variables)) < len(variables):
        raise ValueError(f"variables {', '.join(variables)} hold a name twice; give each once")
