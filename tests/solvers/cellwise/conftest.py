"""Kernels that are counted, and run by Pallas' interpreter."""

from __future__ import annotations

from typing import Any

import pytest

from solvers import cellwise


@pytest.fixture(name="kernels")
def _kernels(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether there was a kernel, each time that one was asked for."""
    asked: list[bool] = []
    written = cellwise.written

    def counted(*arguments: Any) -> Any:
        found = written(*arguments)
        asked.append(found is not None)
        return found

    monkeypatch.setattr(cellwise, "written", counted)
    monkeypatch.setattr("solvers.cellwise.in_place.INTERPRETED", True)
    return asked
