"""One file an equation: a frozen dataclass with a pure tendency."""

from solvers.equations.advection_diffusion import AdvectionDiffusion
from solvers.equations.allen_cahn import AllenCahn
from solvers.equations.anisotropic import Anisotropic
from solvers.equations.anisotropic_fourth import FourthOrderAnisotropic
from solvers.equations.balance import Balance
from solvers.equations.burgers import Burgers
from solvers.equations.cahn_hilliard import CahnHilliard
from solvers.equations.equation import Diffusion, Equation, Rates
from solvers.equations.fitzhugh_nagumo import FitzHughNagumo
from solvers.equations.gray_scott import GrayScott
from solvers.equations.heat import Heat
from solvers.equations.porous_medium import PorousMedium
from solvers.equations.reaction import ReactionDiffusion
from solvers.equations.wave import Wave
from solvers.equations.written import Written

__all__ = [
    "AdvectionDiffusion",
    "AllenCahn",
    "Anisotropic",
    "Balance",
    "Burgers",
    "CahnHilliard",
    "Diffusion",
    "Equation",
    "FitzHughNagumo",
    "FourthOrderAnisotropic",
    "GrayScott",
    "Heat",
    "PorousMedium",
    "Rates",
    "ReactionDiffusion",
    "Wave",
    "Written",
]
