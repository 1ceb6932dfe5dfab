"""What was found, as a Markdown table a family, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.jsonable import jsonable
from sim.verify.accuracy.study import Check, CheckResult, Finding, Order, Study

_VERDICT = {True: "yes", False: "NO"}


def to_dict(finding: Finding) -> dict[str, Any]:
    """JSON's types; what is not finite, such as the slope of errors that are 0, is None."""
    row = row_of(finding)
    found: dict[str, Any] = {"family": row.family, "name": row.name, "good": finding.good}
    if isinstance(finding, Order):
        study = finding.study
        found |= {"along": study.along, "order": study.order, "tolerance": study.tolerance, "norm": study.norm}
        found |= {"observed": finding.observed, "sizes": list(study.sizes), "errors": list(finding.errors)}
    elif isinstance(finding, CheckResult):
        found |= {"measured": finding.measured, "bound": finding.check.bound}
    else:
        found |= {"why": finding.why}
    plain: dict[str, Any] = jsonable(found)
    return plain


def to_table(found: Sequence[Finding]) -> str:
    """All findings, family by family, and a line that says how many are as they should be."""
    lines: list[str] = []
    for family in dict.fromkeys(row_of(finding).family for finding in found):
        of_it = [finding for finding in found if row_of(finding).family == family]
        orders = any(isinstance(row_of(finding), Study) for finding in of_it)
        heads = ["along", "sizes", "errors", "order", "observed"] if orders else ["measured", "at most"]
        lines += ["| " + " | ".join([family, *heads, "good"]) + " |"]
        lines += ["|---|" + "---:|" * len(heads) + "---|"]
        lines += ["| " + " | ".join(_cells(finding, len(heads))) + " |" for finding in of_it] + [""]
    bad = [row_of(finding).name for finding in found if not finding.good]
    said = f"{len(found) - len(bad)} of {len(found)} as they should be"
    return "\n".join([*lines, f"{said}; NOT: {', '.join(bad)}" if bad else said])


def row_of(finding: Finding) -> Study | Check:
    if isinstance(finding, Order):
        return finding.study
    return finding.check if isinstance(finding, CheckResult) else finding.row


def _cells(finding: Finding, count: int) -> list[str]:
    name, verdict = row_of(finding).name, _VERDICT[finding.good]
    if isinstance(finding, Order):
        study, errors = finding.study, finding.errors
        sizes = ", ".join(map(str, study.sizes))
        said = f"{errors[0]:.1e} … {errors[-1]:.1e}"
        order = f"{study.order:g} ± {study.tolerance:g}"
        return [name, study.along, sizes, said, order, f"{finding.observed:.2f}", verdict]
    if isinstance(finding, CheckResult):
        return [name, f"{finding.measured:.1e}", f"{finding.check.bound:.0e}" if finding.check.bound else "0", verdict]
    return [name, *[""] * (count - 1), finding.why.splitlines()[0].replace("|", "/"), verdict]
