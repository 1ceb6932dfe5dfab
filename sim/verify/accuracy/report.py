"""What was found, as a Markdown table a family, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.jsonable import jsonable
from sim.verify.accuracy.study import Check, CheckResult, Order, RowResult, Study

_VERDICT = {True: "yes", False: "NO"}


def to_dict(result: RowResult) -> dict[str, Any]:
    """JSON's types; what is not finite, such as the slope of errors that are 0, is None."""
    row = row_of(result)
    found: dict[str, Any] = {"family": row.family, "name": row.name, "good": result.good}
    if isinstance(result, Order):
        study = result.study
        found |= {"along": study.along, "order": study.order, "tolerance": study.tolerance, "norm": study.norm}
        found |= {"observed": result.observed, "sizes": list(study.sizes), "errors": list(result.errors)}
    elif isinstance(result, CheckResult):
        found |= {"measured": result.measured, "bound": result.check.bound}
    else:
        found |= {"why": result.why}
    plain: dict[str, Any] = jsonable(found)
    return plain


def to_table(found: Sequence[RowResult]) -> str:
    """All results, family by family, and a line that says how many are as they should be."""
    lines: list[str] = []
    for family in dict.fromkeys(row_of(result).family for result in found):
        of_it = [result for result in found if row_of(result).family == family]
        orders = any(isinstance(row_of(result), Study) for result in of_it)
        heads = ["along", "sizes", "errors", "order", "observed"] if orders else ["measured", "at most"]
        lines += ["| " + " | ".join([family, *heads, "good"]) + " |"]
        lines += ["|---|" + "---:|" * len(heads) + "---|"]
        lines += ["| " + " | ".join(_cells(result, len(heads))) + " |" for result in of_it] + [""]
    bad = [row_of(result).name for result in found if not result.good]
    said = f"{len(found) - len(bad)} of {len(found)} as they should be"
    return "\n".join([*lines, f"{said}; NOT: {', '.join(bad)}" if bad else said])


def row_of(result: RowResult) -> Study | Check:
    if isinstance(result, Order):
        return result.study
    return result.check if isinstance(result, CheckResult) else result.row


def _cells(result: RowResult, count: int) -> list[str]:
    name, verdict = row_of(result).name, _VERDICT[result.good]
    if isinstance(result, Order):
        study, errors = result.study, result.errors
        sizes = ", ".join(map(str, study.sizes))
        said = f"{errors[0]:.1e} … {errors[-1]:.1e}"
        order = f"{study.order:g} ± {study.tolerance:g}"
        return [name, study.along, sizes, said, order, f"{result.observed:.2f}", verdict]
    if isinstance(result, CheckResult):
        return [name, f"{result.measured:.1e}", f"{result.check.bound:.0e}" if result.check.bound else "0", verdict]
    return [name, *[""] * (count - 1), result.why.splitlines()[0].replace("|", "/"), verdict]
