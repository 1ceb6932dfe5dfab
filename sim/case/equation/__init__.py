"""[equation]: what is solved; one file a family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias, get_args

from pydantic import Discriminator, Tag

from sim.case.equation.base import StatedEquation
from sim.case.equation.conduction import AnisotropicTable, ConductionTable
from sim.case.equation.heat import HeatTable
from sim.case.equation.python import PythonTable
from sim.case.equation.reactions import (
    AllenCahnTable,
    CahnHilliardTable,
    FitzHughNagumoTable,
    GrayScottTable,
    PorousMediumTable,
)
from sim.case.equation.transport import AdvectionDiffusionTable, BurgersTable
from sim.case.equation.waves import WaveTable
from sim.case.equation.written import WrittenTable

KINDS = (
    *("heat", "conduction", "anisotropic", "advection-diffusion", "burgers", "wave", "gray-scott", "fitzhugh-nagumo"),
    *("allen-cahn", "cahn-hilliard", "porous-medium", "written"),
)


def kind_of(value: Any) -> Any:
    """The kind; where none is given, formulas, if there is a text that is no key of the heat equation's, else that."""
    if isinstance(value, StatedEquation):
        value = dict(value)
    if not isinstance(value, dict):
        return None
    formulas = any(isinstance(text, str) for key, text in value.items() if key not in HeatTable.model_fields)
    kind = value.get("kind", "written" if formulas else "heat")
    return "python" if isinstance(kind, str) and ":" in kind else kind


EquationTable: TypeAlias = Annotated[
    Annotated[HeatTable, Tag("heat")]
    | Annotated[ConductionTable, Tag("conduction")]
    | Annotated[AnisotropicTable, Tag("anisotropic")]
    | Annotated[AdvectionDiffusionTable, Tag("advection-diffusion")]
    | Annotated[BurgersTable, Tag("burgers")]
    | Annotated[WaveTable, Tag("wave")]
    | Annotated[GrayScottTable, Tag("gray-scott")]
    | Annotated[FitzHughNagumoTable, Tag("fitzhugh-nagumo")]
    | Annotated[AllenCahnTable, Tag("allen-cahn")]
    | Annotated[CahnHilliardTable, Tag("cahn-hilliard")]
    | Annotated[PorousMediumTable, Tag("porous-medium")]
    | Annotated[WrittenTable, Tag("written")]
    | Annotated[PythonTable, Tag("python")],
    Discriminator(
        kind_of,
        custom_error_type="unknown_equation",
        custom_error_message=f"equation.kind is unknown; it is one of {', '.join(KINDS)}, or module:Name",
    ),
]
"""What can be solved."""
EQUATIONS: Mapping[str, type[StatedEquation]] = {
    get_args(one)[1].tag: get_args(one)[0] for one in get_args(get_args(EquationTable)[0])
}
"""By what `kind_of` says of their tables."""

__all__ = [
    "EQUATIONS",
    "KINDS",
    "AdvectionDiffusionTable",
    "AllenCahnTable",
    "AnisotropicTable",
    "BurgersTable",
    "CahnHilliardTable",
    "ConductionTable",
    "EquationTable",
    "FitzHughNagumoTable",
    "GrayScottTable",
    "HeatTable",
    "PorousMediumTable",
    "PythonTable",
    "StatedEquation",
    "WaveTable",
    "WrittenTable",
    "kind_of",
]
